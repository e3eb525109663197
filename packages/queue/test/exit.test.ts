import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'

const integers = `{ bytesMax: 4, write: (target, at, value) => (target[at] = value, at + 4), read: (bytes, at) => bytes[at] }`

function run(source: string): string[] {
  const program = `import { Channel } from '@qps/queue'\n${source}`
  const words = ['--conditions=@qps/source', '--input-type=module', '--eval', program]
  return execFileSync(process.execPath, words, { cwd: import.meta.dirname, encoding: 'utf8', timeout: 10_000 })
    .trim()
    .split('\n')
}

test('a promise that waits keeps no process alive by itself', () => {
  const printed = run(`
    const channel = Channel.create({ capacity: 1, codec: ${integers} })
    void channel.receive()
    void channel.receive({ timeoutMs: 1e6 })
    process.on('exit', () => console.log('ended'))`)
  expect(printed).toEqual(['ended'])
})

test('with a hold it does, until the endpoint is disposed of: nothing is left then', () => {
  const printed = run(`
    const hold = () => {
      const timer = setInterval(() => {}, 1000)
      return { [Symbol.dispose]: () => clearInterval(timer) }
    }
    const channel = Channel.create({ capacity: 1, codec: ${integers}, hold })
    channel.receive().catch(({ code }) => console.log(code))
    setTimeout(() => {
      console.log('alive')
      channel[Symbol.dispose]()
    }, 100).unref()
    process.on('exit', () => console.log(process.getActiveResourcesInfo().includes('Timeout')))`)
  expect(printed).toEqual(['alive', 'QPS_CHANNEL_CLOSED', 'false'])
})
