import { readVarint, varintBytes } from '../varint.ts'
import { errorCode, streamType } from './codes.ts'
import { ControlReader, type ControlSink } from './control-reader.ts'
import { Http3Failure } from './failure.ts'
import { checkQpackDecoderStream, checkQpackEncoderStream } from './qpack-streams.ts'

interface PeerStream {
  /** The bytes of its type, as far as they have come. */
  head: number[]
  /** Undefined until the type is known. */
  take: ((bytes: Uint8Array) => void) | undefined
  /** Its end would end the connection. */
  isCritical: boolean
}

/**
 * The unidirectional streams of the other side: one for control, one for each direction of QPACK, none for pushes, and any
 * number of others, which mean nothing. Sources: RFC 9114, section 6.2; RFC 9204, section 4.2.
 */
export class PeerStreams {
  readonly #peer: 'client' | 'server'
  readonly #control: ControlReader
  readonly #streams = new Map<number, PeerStream>()
  readonly #critical = new Set<number>()

  constructor(peer: 'client' | 'server', sink: ControlSink, frameBytesMax: number) {
    this.#peer = peer
    this.#control = new ControlReader(peer, sink, frameBytesMax)
  }

  /**
   * @param bytes borrowed for the call. @returns false where the stream means nothing here: stop reading it.
   * @throws Http3Failure
   */
  push(streamId: number, bytes: Uint8Array): boolean {
    const stream = this.#streams.get(streamId) ?? { head: [], take: undefined, isCritical: false }
    this.#streams.set(streamId, stream)
    let at = 0
    while (stream.take === undefined) {
      if (at === bytes.length) return true
      stream.head.push(bytes[at++]!)
      if (stream.head.length < varintBytes(stream.head[0]!)) continue
      if (!this.#open(stream, readVarint(Uint8Array.from(stream.head), 0))) return this.#forget(streamId)
    }
    if (at < bytes.length) stream.take(bytes.subarray(at))
    return true
  }

  /** The stream has ended, or was reset. @throws Http3Failure where that may not be. */
  end(streamId: number): void {
    if (this.#streams.get(streamId)?.isCritical === true) {
      throw new Http3Failure(errorCode.closedCriticalStream, 'a stream that is needed to the end has ended')
    }
    this.#streams.delete(streamId)
  }

  #forget(streamId: number): false {
    this.#streams.delete(streamId)
    return false
  }

  #open(stream: PeerStream, type: number): boolean {
    const take = this.#takerOf(type)
    if (take === undefined) return false
    if (this.#critical.has(type)) throw new Http3Failure(errorCode.streamCreationError, `two streams of type ${type}`)
    this.#critical.add(type)
    stream.take = take
    stream.isCritical = true
    return true
  }

  #takerOf(type: number): PeerStream['take'] {
    if (type === streamType.control) return (bytes) => this.#control.push(bytes)
    if (type === streamType.qpackEncoder) return checkQpackEncoderStream
    if (type === streamType.qpackDecoder) return checkQpackDecoderStream()
    if (type !== streamType.push) return undefined
    if (this.#peer === 'client') throw new Http3Failure(errorCode.streamCreationError, 'clients do not push')
    throw new Http3Failure(errorCode.idError, 'a push that nobody has allowed')
  }
}
