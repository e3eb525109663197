import { parseArgs } from 'node:util'
import { checkInteger, didYouMean, QpsError } from '@qps/core'
import { kinds } from './copies/kinds.ts'

/*
 * A server that answers every request with so many bytes, in one of the ways that the chapter on copies compares:
 *
 *     node copies-server.js --kind send-zc --bytes 16384
 *
 * It prints a `listening` event as stages do, and at SIGTERM, when it has drained, what its zero-copy sends came to.
 */
const { values } = parseArgs({ options: { kind: { type: 'string' }, bytes: { type: 'string' } }, strict: false })
const kind = String(values.kind)
const start = kinds[kind]
if (start === undefined) {
  const names = Object.keys(kinds)
  throw new QpsError('QPS_OPTION', `--kind must be one of ${names.join(', ')}, not ${kind}`, {
    hint: didYouMean(kind, names),
  })
}
const bytes = checkInteger('bytes', Number(values.bytes ?? 16_384), { min: 1, max: 4 * 1024 * 1024 })
const { protocol, address, close, counters } = await start(bytes)
const url = `http://${address}`
const endpoints = protocol === 'h1' ? {} : { [protocol]: address }
const print = (event: object): boolean => process.stdout.write(`${JSON.stringify(event)}\n`)
print({ event: 'listening', kind, url, endpoints })
process.once('SIGTERM', () => {
  void close().then(() => {
    print({ event: 'drained', ...counters?.() })
    process.exit(0)
  })
})
