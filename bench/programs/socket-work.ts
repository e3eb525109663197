import { siblingModule, sourceFlags } from '@qps/core'
import { once } from 'node:events'
import { connect } from 'node:net'
import { Worker } from 'node:worker_threads'
import type { Work } from './repeat.ts'

/** A head, fields, a body in parts: so many pieces make one answer. */
const pieces = 8

/** What the reader has got so far. */
export interface Received {
  bytes: number
  /** Of every byte in its order, where somebody wanted that; else 0. */
  checksum: number
}

/** Writes that end with what the other side has. */
export interface SocketWork extends Work, AsyncDisposable {
  /** Resolves when the reader has all that was written. */
  received(): Promise<Received>
}

/**
 * An answer of eight pieces, written to a socket of node:net: copied into one buffer, or as they lie, in one vectored write
 * (writev(2)). A thread reads at the other end of loopback.
 *
 * @param bytes of all pieces together, at least eight.
 * @param summing whether the reader looks at every byte, which costs it more than the reading.
 */
export async function socketWork(way: 'strings' | 'bytes', bytes: number, summing = false): Promise<SocketWork> {
  const answer = Array.from({ length: pieces }, (_, index) => Buffer.alloc(Math.floor(bytes / pieces), 65 + index))
  const reader = new Worker(siblingModule(import.meta.url, 'socket-reader'), {
    workerData: { summing },
    execArgv: sourceFlags(import.meta.url),
  })
  const [port] = (await once(reader, 'message')) as [number]
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  const copied = (): void => void socket.write(Buffer.concat(answer))
  const vectored = (): void => {
    socket.cork()
    for (const piece of answer) socket.write(piece)
    socket.uncork()
  }
  const write = way === 'strings' ? copied : vectored
  let written = 0
  return {
    async run(count) {
      for (let done = 0; done < count; done++) {
        write()
        if (socket.writableNeedDrain) await once(socket, 'drain')
      }
      written += count
    },
    get checksum() {
      return written >>> 0
    },
    async received() {
      reader.postMessage(written * pieces * answer[0]!.length)
      const [received] = (await once(reader, 'message')) as [Received]
      return received
    },
    async [Symbol.asyncDispose]() {
      socket.destroy()
      await reader.terminate()
    },
  }
}
