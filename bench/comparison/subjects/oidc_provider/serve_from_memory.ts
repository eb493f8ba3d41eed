import { makeMemoryAdapter } from './memory_adapter.ts'
import { serve } from './serve.ts'

serve(makeMemoryAdapter)
