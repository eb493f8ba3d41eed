import { startPython, startTypeScript } from './subjects.ts'
import { describeTransport } from './transport_cases.ts'

describeTransport('our middleware for Hono', startTypeScript('hono'))
describeTransport('our middleware for Express', startTypeScript('express'))
describeTransport('our middleware in Python', startPython)
