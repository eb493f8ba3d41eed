/**
 * The Python that has our SDK, its example and the clients that it is tested with. `npm test` prepares it and names
 * it.
 */
export function findPython(): string {
  const python = process.env['PYTHON_PATH']
  if (!python) throw new Error('PYTHON_PATH is not set: run the tests by `npm test`.')
  return python
}
