import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Connection, type ConnectionHandler, createPoller, type PollerStats } from '@qps/netpoll'
import {
  type DirectOutput,
  type DirectStats,
  openDirectOutput,
  type SendMethod,
  sendMethods,
} from '@qps/netpoll/zero-copy'
import { answerBytes } from './answer.ts'

/**
 * How an answer leaves: `write` as everything else on the engine, by way of its blocks; the others as
 * `@qps/netpoll/zero-copy` says. `read` reads a file anew for each answer, `splice` sends it without reading it.
 */
export type Way = 'write' | SendMethod | 'read' | 'splice'
export const ways: readonly Way[] = ['write', ...sendMethods, 'read', 'splice']

/** Of its zero-copy sends, and of the engine. */
export type Counters = Readonly<DirectStats & Pick<PollerStats, 'systemCalls'>>

/** Sends the answer once. */
type Send = (connection: Connection) => void

/**
 * Answers whatever is asked with the same bytes. It looks for the ends of requests only, so that what the ways differ in
 * is the sending.
 */
export async function serveDirect(
  way: Way,
  bytes: number,
): Promise<{ address: string; close: () => Promise<void>; counters: () => Counters }> {
  await using owned = new AsyncDisposableStack()
  const poller = owned.use(createPoller({ backend: 'io_uring' }))
  const direct = openDirectOutput(poller)
  const send = sender(way, direct, answerBytes(bytes), owned)
  const { port } = await poller.listen({ port: 0 }, (connection) => new Answering(connection, send))
  const all = owned.move()
  return {
    address: `127.0.0.1:${port}`,
    close: () => all.disposeAsync(),
    counters: () => ({ ...direct.stats, systemCalls: poller.stats.systemCalls }),
  }
}

function sender(way: Way, direct: DirectOutput, answer: Buffer, owned: AsyncDisposableStack): Send {
  if (way === 'write') return (connection) => void connection.write(answer)
  if (way === 'read' || way === 'splice') {
    const descriptor = fileOf(answer, owned)
    const part = { descriptor, offset: 0, length: answer.length }
    if (way === 'read') return (connection) => void connection.write(contentOf(descriptor, answer.length))
    return (connection) => void direct.sendFile(connection, part)
  }
  const memory = direct.memory(answer.length)
  memory.bytes.set(answer)
  return (connection) => void direct.send(connection, memory, 0, answer.length, way)
}

/** A file that is gone when the server is. */
function fileOf(content: Buffer, owned: AsyncDisposableStack): number {
  const folder = mkdtempSync(join(tmpdir(), 'qps-answer-'))
  owned.defer(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'answer')
  writeFileSync(path, content)
  return owned.adopt(openSync(path, 'r'), closeSync)
}

/** A buffer of its own for each answer: one that is being sent must not be read into. */
function contentOf(descriptor: number, length: number): Buffer {
  const content = Buffer.allocUnsafeSlow(length)
  readSync(descriptor, content, 0, length, 0)
  return content
}

const endOfHead = Buffer.from('\r\n\r\n')

/** A connection whose requests have no body. */
class Answering implements ConnectionHandler {
  readonly #connection: Connection
  readonly #send: Send
  /** How many bytes of the end of a head have come. */
  #matched = 0

  constructor(connection: Connection, send: Send) {
    this.#connection = connection
    this.#send = send
  }

  onData(bytes: Uint8Array, start: number, end: number): void {
    let matched = this.#matched
    for (let at = start; at < end; at++) {
      if (bytes[at] === endOfHead[matched]) matched++
      else matched = bytes[at] === endOfHead[0] ? 1 : 0
      if (matched < endOfHead.length) continue
      matched = 0
      this.#send(this.#connection)
    }
    this.#matched = matched
  }

  onEnd(): void {
    this.#connection.end()
  }

  onClose(): void {}
}
