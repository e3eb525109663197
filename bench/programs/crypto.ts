import { setImmediate as turn } from 'node:timers/promises'
import { type CryptoOperation, cryptoOperations, operationOf } from './crypto-operations.ts'
import { wrongVector } from './crypto-vectors.ts'
import { measured, measuring, programOptions } from './report.ts'

/*
 * One operation of TLS's cryptography, again and again on one thread: `--operation NAME`, and `--bytes N` of message. The same
 * file runs in Node (OpenSSL) and in Bun (BoringSSL). A request is an operation.
 */
const { seconds, warmupS, given } = programOptions()
const bytes = Number(given['bytes'])
const operation = cryptoOperations.find((known) => known === given['operation'])
if (operation === undefined || !(Number.isInteger(bytes) && bytes > 0)) {
  fail(`--operation ${given['operation']} with --bytes ${given['bytes']} is none of ${cryptoOperations.join(', ')}`)
}
const wrong = wrongVector()
if (wrong !== undefined) fail(`nothing is measured: ${wrong}`)
const run = operationOf(operation, bytes)
const batch = batchOf(run)
repeat(run, batch, warmupS)
measuring()
// The line is to leave before the thread is busy.
await turn()
const { count, elapsedS } = repeat(run, batch, seconds)
await measured({ requests: count, errors: 0, elapsedS, figures: figuresOf(operation, count / elapsedS) })

function fail(why: string): never {
  process.stderr.write(`error: ${why}\n`)
  process.exit(1)
}

/** So many that a look at the clock between two batches costs nothing, and the time is not overrun by much. */
function batchOf(operate: () => void): number {
  for (let size = 1; ; size *= 2) {
    const startMs = performance.now()
    for (let done = 0; done < size; done++) operate()
    if (performance.now() - startMs > 0.5) return size
  }
}

function repeat(operate: () => void, size: number, forS: number): { count: number; elapsedS: number } {
  const startMs = performance.now()
  let count = 0
  let elapsedS = 0
  while (elapsedS < forS) {
    for (let done = 0; done < size; done++) operate()
    count += size
    elapsedS = (performance.now() - startMs) / 1000
  }
  return { count, elapsedS }
}

/** Bytes per second mean nothing for a signature. */
function figuresOf(name: CryptoOperation, perSecond: number): Record<string, number> {
  return name.startsWith('aes') ? { megabytesPerSecond: (bytes * perSecond) / 1e6 } : {}
}
