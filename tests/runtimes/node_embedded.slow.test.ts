import { describeFlow } from './flow.ts'
import { startOneNode } from './one_node.ts'

describeFlow('Node with the embedded database', () => startOneNode())
