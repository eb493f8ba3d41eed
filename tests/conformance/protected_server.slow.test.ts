import { describeServerSuite } from './server_suite_cases.ts'
import { startTypeScript } from './subjects.ts'

describeServerSuite('the official SDK in TypeScript, behind our middleware for Hono', startTypeScript('hono'))
describeServerSuite(
  'the official SDK in TypeScript, behind our middleware for Express',
  startTypeScript('express'),
)
