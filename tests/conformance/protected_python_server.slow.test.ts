import { describeServerSuite } from './server_suite_cases.ts'
import { startPython } from './subjects.ts'

describeServerSuite('the official SDK in Python, behind our middleware', startPython)
