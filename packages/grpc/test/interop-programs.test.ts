import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { interopCases } from './interop/cases.ts'

const flags = ['--conditions=@qps/source']
const program = (name: string): string => fileURLToPath(new URL(`interop/${name}.ts`, import.meta.url))

test('the two programs for peers in other languages understand each other', async () => {
  const server = spawn(process.execPath, [...flags, program('interop-server')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const [line] = (await once(server.stdout, 'data')) as [Buffer]
    const port = /^listening (\d+)\n$/.exec(line.toString())![1]!
    const run = promisify(execFile)
    const { stdout } = await run(process.execPath, [...flags, program('interop-client'), '--port', port], {
      timeout: 12_000,
    })
    expect(stdout.trimEnd().split('\n')).toEqual(interopCases.map(({ name }) => `ok ${name}`))
  } finally {
    server.kill('SIGTERM')
    await once(server, 'exit')
  }
})
