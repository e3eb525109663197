import { readVarint, varintBytes } from '../varint.ts'
import { errorCode, frameType, reservedFrameTypes } from './codes.ts'
import { Http3Failure } from './failure.ts'
import { FrameReader, type FrameSink, type FrameUse } from './frame-reader.ts'
import { type Http3Settings, readSettings } from './settings.ts'

/** What the other side says of the connection as a whole. */
export interface ControlSink {
  settings(settings: Http3Settings): void
  /** @param id to a client, the first request that is not answered; to a server, the first push that is not taken. */
  goaway(id: number): void
}

/**
 * Reads the other side's control stream: SETTINGS first and once, GOAWAY with ids that only fall, MAX_PUSH_ID with ids that only
 * rise. Sources: RFC 9114, sections 6.2.1, 7.2.3 to 7.2.7.
 */
export class ControlReader implements FrameSink {
  readonly #sink: ControlSink
  readonly #peer: 'client' | 'server'
  readonly #frames: FrameReader
  #hasSettings = false
  #goawayId = Number.POSITIVE_INFINITY
  #pushIdMax = -1

  /** @param peer whose stream it is. */
  constructor(peer: 'client' | 'server', sink: ControlSink, frameBytesMax: number) {
    this.#peer = peer
    this.#sink = sink
    this.#frames = new FrameReader(this, frameBytesMax)
  }

  /** @throws Http3Failure */
  push(bytes: Uint8Array): void {
    this.#frames.push(bytes)
  }

  begin(type: number): FrameUse {
    if (!this.#hasSettings) {
      if (type !== frameType.settings) throw new Http3Failure(errorCode.missingSettings, 'SETTINGS do not come first')
      this.#hasSettings = true
      return 'whole'
    }
    switch (type) {
      case frameType.goaway:
      case frameType.cancelPush:
        return 'whole'
      case frameType.maxPushId:
        if (this.#peer === 'client') return 'whole'
        throw unexpected('MAX_PUSH_ID of a server')
      case frameType.settings:
        throw unexpected('SETTINGS for the second time')
      case frameType.data:
      case frameType.headers:
      case frameType.pushPromise:
        throw unexpected('a message on the control stream')
      default:
        if (reservedFrameTypes.has(type)) throw unexpected(`HTTP/2's frame ${type}`)
        return 'skip'
    }
  }

  piece(): void {}

  whole(type: number, payload: Uint8Array): void {
    if (type === frameType.settings) return this.#sink.settings(readSettings(payload))
    const id = onlyNumber(payload)
    if (type === frameType.goaway) this.#goaway(id)
    else if (type === frameType.cancelPush) throw new Http3Failure(errorCode.idError, 'there is no push to cancel')
    else if (id < this.#pushIdMax) throw new Http3Failure(errorCode.idError, 'MAX_PUSH_ID falls')
    else this.#pushIdMax = id
  }

  #goaway(id: number): void {
    if (id > this.#goawayId) throw new Http3Failure(errorCode.idError, 'GOAWAY takes back what it said')
    if (this.#peer === 'server' && id % 4 !== 0) throw new Http3Failure(errorCode.idError, 'GOAWAY names no request')
    this.#goawayId = id
    this.#sink.goaway(id)
  }
}

function onlyNumber(payload: Uint8Array): number {
  if (payload.length === 0 || varintBytes(payload[0]!) !== payload.length) {
    throw new Http3Failure(errorCode.frameError, 'a frame that is to hold one number does not')
  }
  return readVarint(payload, 0)
}

function unexpected(what: string): Http3Failure {
  return new Http3Failure(errorCode.frameUnexpected, what)
}
