import { postgresAdapterFactory } from './postgres_adapter.ts'
import { serve } from './serve.ts'

serve(postgresAdapterFactory(process.env['DATABASE_URL'] ?? ''))
