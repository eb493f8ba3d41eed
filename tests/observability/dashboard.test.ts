import { spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { startObservedServer } from '../support/observed_server.ts'
import { metricsOf } from '../support/promql.ts'

const DASHBOARD = 'deploy/grafana/auth-agent.json'
const ALERTS = 'deploy/prometheus/alerts.yaml'

const dashboardSchema = z.object({
  title: z.string(),
  uid: z.string(),
  schemaVersion: z.number(),
  panels: z.array(
    z.object({
      id: z.number(),
      title: z.string().min(3),
      type: z.enum(['row', 'timeseries']),
      gridPos: z.object({ h: z.number(), w: z.number().max(24), x: z.number(), y: z.number() }),
      targets: z.array(z.object({ refId: z.string(), expr: z.string() })).default([]),
    }),
  ),
})

const alertsSchema = z.strictObject({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      rules: z.array(
        z.strictObject({
          alert: z.string(),
          expr: z.string(),
          for: z
            .string()
            .regex(/^\d+[smh]$/)
            .optional(),
          labels: z.strictObject({ severity: z.enum(['critical', 'warning']) }),
          annotations: z.strictObject({ summary: z.string() }),
        }),
      ),
    }),
  ),
})

/** The names that a query may use: those of a running server, with the suffixes of histograms. */
async function readNames(): Promise<Set<string>> {
  const server = await startObservedServer()
  const { types } = await server.scrape()
  const suffixes = { histogram: ['_bucket', '_sum', '_count'], summary: ['', '_sum', '_count'] }
  return new Set(
    [...types].flatMap(([name, type]) =>
      (suffixes[type as keyof typeof suffixes] ?? ['']).map((suffix) => name + suffix),
    ),
  )
}

describe('what is deployed beside the server', () => {
  let dashboard: z.infer<typeof dashboardSchema>
  let alerts: z.infer<typeof alertsSchema>

  beforeAll(async () => {
    dashboard = dashboardSchema.parse(JSON.parse(await readFile(DASHBOARD, 'utf8')))
    alerts = alertsSchema.parse(parse(await readFile(ALERTS, 'utf8')))
  })

  it('asks for metrics that a running server has', async () => {
    const names = await readNames()
    const panels = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
    const rules = alerts.groups.flatMap(({ rules }) => rules.map(({ expr }) => expr))
    const asked = new Set([...panels, ...rules].flatMap(metricsOf))
    // Prometheus' own, for each target.
    asked.delete('up')
    expect([...asked].filter((name) => !names.has(name))).toEqual([])
    const shown = new Set(panels.flatMap(metricsOf).map((name) => name.replace(/_(bucket|sum|count)$/, '')))
    const ours = [...names].filter((name) => /^auth_agent_/.test(name) && !/_(sum|count)$/.test(name))
    expect(ours.map((name) => name.replace(/_bucket$/, '')).filter((name) => !shown.has(name))).toEqual([])
  })

  it('is a dashboard whose panels have ids of their own and do not lie on each other', () => {
    const { panels } = dashboard
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, n) => `${x + (n % w)},${y + Math.floor(n / w)}`),
    )
    expect(new Set(cells).size).toBe(cells.length)
  })

  it('has alerts that the documentation tells what to do about', async () => {
    const text = await readFile('docs/observability.md', 'utf8')
    const names = alerts.groups.flatMap(({ rules }) => rules.map(({ alert }) => alert))
    expect(names.filter((name) => !text.includes(`| \`${name}\` |`))).toEqual([])
    expect(new Set(names).size).toBe(names.length)
  })

  it('is alarmed by a server that does not answer, and by none that is found', () => {
    const down = alerts.groups.flatMap(({ rules }) => rules).find(({ alert }) => alert === 'AuthAgentDown')
    expect(down?.expr).toBe('up{job="auth-agent"} == 0 or absent(up{job="auth-agent"})')
  })

  it('has rules that promtool takes, where there is one', () => {
    const { status, error, stdout, stderr } = spawnSync('promtool', ['check', 'rules', ALERTS], {
      encoding: 'utf8',
    })
    // The schema above is what is checked without it.
    if (error === undefined) expect(`${status} ${stdout}${stderr}`).toMatch(/^0 /)
    expect(alerts.groups[0]?.rules.length).toBeGreaterThan(5)
  })
})
