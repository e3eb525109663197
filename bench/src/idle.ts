import { messageOf } from '@qps/core'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseAnswer } from './answer.ts'
import { treeUsage } from './cpu.ts'
import type { IdlePhase, IdleReading } from './scenario.ts'

/** What was seen of a server that held idle connections. */
export interface IdleRecord {
  /** Connections that were opened, asked once and were answered with 200. */
  answered: number
  /** Why the first of those that were not; undefined where all were. */
  refusal: string | undefined
  /** Of the answered ones: closed by the server before the measured time was over. */
  lost: number
  /** Of the server's process tree without a connection. */
  emptyBytes: number
  /** The same with all of them. */
  residentBytes: number
  /** CPU of the server's process tree over the measured time, µs. */
  serverCpuUs: number
  heldS: number
}

/** So many are being opened at once: fewer than the shortest backlog in use, 511 of node:net. */
const openingMax = 128
/** For one connection to open and be answered. */
const openTimeoutMs = 10_000
/** No answer to `GET /` is longer; one that is counts as none. */
const answerBytesMax = 64 * 1024

/**
 * Lets a server hold idle connections and looks what they cost it.
 *
 * Each connection is opened, asks once and is answered, so that it is accepted for sure and looks like one that a browser
 * keeps. Then all are silent. Give the server its load first: what a first request makes grow is not a connection's.
 *
 * @param pid the server, whose process tree is read. @param url what is asked for, of a server on 127.0.0.1.
 * @returns the record, also where connections were refused or lost. Every connection is closed again.
 */
export async function measureIdle(
  pid: number,
  url: string,
  idle: IdlePhase,
  { seconds, signal }: { seconds?: number | undefined; signal?: AbortSignal | undefined } = {},
): Promise<IdleRecord> {
  const pause = (pauseS: number): Promise<void> => sleep(pauseS * 1000, undefined, { ...(signal && { signal }) })
  await pause(idle.settleS)
  const emptyBytes = treeUsage(pid).residentBytes
  await using held = new HeldConnections(url)
  await held.open(idle.connections, idle.connectionsPerAddress, signal)
  await pause(idle.settleS)
  const before = treeUsage(pid)
  const startMs = performance.now()
  await pause(seconds ?? idle.durationS)
  const heldS = (performance.now() - startMs) / 1000
  const after = treeUsage(pid)
  return {
    answered: held.answered,
    refusal: held.refusal,
    lost: held.lost,
    emptyBytes,
    residentBytes: after.residentBytes,
    serverCpuUs: after.cpuUs - before.cpuUs,
    heldS,
  }
}

/** One figure of a record. CPU while idle is in cores: 0.01 is a hundredth of one. */
export function readIdle(reading: IdleReading, record: IdleRecord): number {
  return reading === 'bytesPerConnection'
    ? (record.residentBytes - record.emptyBytes) / record.answered
    : record.serverCpuUs / 1e6 / record.heldS
}

/** Silent connections from several addresses of loopback, so that no cap per address is in the way. */
class HeldConnections implements AsyncDisposable {
  answered = 0
  refusal: string | undefined
  lost = 0
  readonly #url: URL
  readonly #sockets = new Set<Socket>()
  #closing = false

  constructor(url: string) {
    this.#url = new URL(url)
  }

  /** Opens so many, a bounded number at a time. */
  async open(count: number, perAddress: number, signal: AbortSignal | undefined): Promise<void> {
    let next = 0
    const openInTurn = async (): Promise<void> => {
      while (next < count) {
        signal?.throwIfAborted()
        // 127.0.0.1 is left to whoever else asks: the first address is 127.0.0.2.
        const address = 2 + Math.floor(next++ / perAddress)
        await this.#openOne(`127.0.${address >> 8}.${address & 0xff}`)
      }
    }
    await Promise.all(Array.from({ length: Math.min(count, openingMax) }, openInTurn))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true
    for (const socket of this.#sockets) socket.destroy()
  }

  async #openOne(localAddress: string): Promise<void> {
    try {
      const socket = await this.#asked(localAddress)
      this.answered++
      socket.on('error', () => {})
      socket.once('close', () => {
        if (!this.#closing) this.lost++
      })
    } catch (error) {
      this.refusal ??= messageOf(error)
    }
  }

  /** Resolves with an open connection once its one request has been answered with 200. */
  #asked(localAddress: string): Promise<Socket> {
    const { hostname, port, host, pathname } = this.#url
    const { promise, resolve, reject } = Promise.withResolvers<Socket>()
    let text = ''
    const socket = connect({ host: hostname, port: Number(port), localAddress })
    const fail = (why: Error): void => {
      reject(why)
      socket.destroy()
    }
    this.#sockets.add(socket)
    socket.once('close', () => {
      this.#sockets.delete(socket)
      reject(new Error('closed without an answer'))
    })
    socket.once('error', fail)
    socket.setTimeout(openTimeoutMs, () => fail(new Error(`no answer within ${openTimeoutMs / 1000} s`)))
    socket.once('connect', () => socket.write(`GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\n\r\n`))
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      const answer = parseAnswer(text)
      if (answer === undefined) return void (text.length > answerBytesMax && fail(new Error('an answer without end')))
      if (answer.status !== 200) return fail(new Error(`answered with ${answer.statusLine}`))
      socket.setTimeout(0)
      socket.removeAllListeners('data')
      socket.removeListener('error', fail)
      resolve(socket)
    })
    return promise
  }
}
