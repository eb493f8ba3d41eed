import { readFile } from 'node:fs/promises'
import {
  type Copy,
  DockerfileParser,
  type Env,
  type From,
  type Healthcheck,
  type Instruction,
  type JSONInstruction,
  Keyword,
} from 'dockerfile-ast'

/** What happens to an image, from one FROM to the next. */
export interface Stage {
  /** After `AS`; empty for the last. */
  name: string
  steps: readonly Step[]
}

export type Step =
  | { kind: 'run'; command: string }
  | { kind: 'copy'; from: string | undefined; sources: readonly string[]; target: string }
  | { kind: 'workdir'; path: string }

/** How a container of the image is run, unless it is told otherwise. */
export interface ContainerConfig {
  env: Readonly<Record<string, string>>
  /** As `USER` says it, such as `10001:10001`. */
  user: string
  workdir: string
  volumes: readonly string[]
  entrypoint: readonly string[]
  cmd: readonly string[]
  healthcheck: readonly string[]
}

export interface ParsedDockerfile {
  stages: readonly Stage[]
  config: ContainerConfig
}

/** Reads the instructions that our Dockerfile consists of. Throws at any other. */
export async function readDockerfile(path: string): Promise<ParsedDockerfile> {
  const stages: { name: string; instructions: Instruction[] }[] = []
  for (const instruction of DockerfileParser.parse(await readFile(path, 'utf8')).getInstructions()) {
    if (instruction.getKeyword() === Keyword.FROM)
      stages.push({ name: (instruction as From).getBuildStage() ?? '', instructions: [] })
    else stages.at(-1)?.instructions.push(instruction)
  }
  const last = stages.at(-1)?.instructions ?? []
  return {
    stages: stages.map(({ name, instructions }) => ({ name, steps: instructions.flatMap(stepsOf) })),
    config: configOf(last),
  }
}

function stepsOf(instruction: Instruction): Step[] {
  const words = instruction.getArguments().map((word) => word.getValue())
  switch (instruction.getKeyword()) {
    case Keyword.RUN:
      return [{ kind: 'run', command: instruction.getArgumentsContent()?.replace(/^(--\S+\s+)+/, '') ?? '' }]
    case Keyword.COPY: {
      const from = (instruction as Copy).getFromFlag()?.getValue() ?? undefined
      return [{ kind: 'copy', from, sources: words.slice(0, -1), target: words.at(-1) ?? '' }]
    }
    case Keyword.WORKDIR:
      return [{ kind: 'workdir', path: words[0] ?? '/' }]
    case Keyword.ENV:
    case Keyword.USER:
    case Keyword.VOLUME:
    case Keyword.EXPOSE:
    case Keyword.HEALTHCHECK:
    case Keyword.ENTRYPOINT:
    case Keyword.CMD:
      return []
    default:
      throw new Error(`The tests do not know the instruction ${instruction.getKeyword()}.`)
  }
}

function configOf(instructions: readonly Instruction[]): ContainerConfig {
  const of = (keyword: Keyword) => instructions.filter((each) => each.getKeyword() === keyword)
  const wordsOf = (keyword: Keyword) =>
    of(keyword).flatMap((each) => each.getArguments().map((word) => word.getValue()))
  const listOf = (keyword: Keyword) => parseList(of(keyword).at(-1) as JSONInstruction | undefined)
  const variables = of(Keyword.ENV).flatMap((each) => (each as Env).getProperties())
  return {
    env: Object.fromEntries(variables.map((each) => [each.getName(), each.getValue() ?? ''])),
    user: wordsOf(Keyword.USER).at(-1) ?? 'root',
    workdir: wordsOf(Keyword.WORKDIR).at(-1) ?? '/',
    volumes: wordsOf(Keyword.VOLUME),
    entrypoint: listOf(Keyword.ENTRYPOINT),
    cmd: listOf(Keyword.CMD),
    healthcheck: parseList(of(Keyword.HEALTHCHECK).at(-1) as Healthcheck | undefined),
  }
}

/** What stands in brackets is JSON; the other form would put a shell between Docker and the program. */
function parseList(instruction: Instruction | undefined): string[] {
  const text = instruction?.getArgumentsContent() ?? '[]'
  return JSON.parse(text.slice(text.indexOf('['))) as string[]
}
