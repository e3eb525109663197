import type { ConnectionFault } from '../binding/quiche.ts'
import { protocolName } from '../binding/config.ts'
import type { QuicLimits } from '../limits.ts'
import type { PathEvent } from '../transport/path-event.ts'
import type { ConnectionOwner, QuicConnection } from '../transport/quic-connection.ts'
import { errorCode } from './codes.ts'
import { Http3Failure } from './failure.ts'
import { controlPreface, goawayFrame } from './frame-writer.ts'
import { PeerStreams } from './peer-streams.ts'
import { type Http3Settings, settingsDefaults } from './settings.ts'

/** What a client and a server do differently. What these throw as an {@link Http3Failure} ends the connection. */
export interface Http3Role {
  readonly side: 'client' | 'server'
  early(): void
  established(): void
  /** A request's stream has something to read. */
  readable(streamId: number): void
  finished(streamId: number): void
  stopped(streamId: number): void
  /** The other side has said its SETTINGS. */
  settled?(): void
  goaway(id: number): void
  path(event: PathEvent): void
  caughtUp(): void
  ended(fault: ConnectionFault | undefined): void
}

/** no_application_protocol of TLS, as QUIC counts alerts: RFC 9001, section 4.8. */
const noApplicationProtocol = 0x178

/**
 * HTTP/3 on one connection, as far as both sides do the same: the control streams, and what becomes of failures. Requests are
 * the role's affair.
 *
 *   stream 0, 4, 8, …   requests, opened by the client, each way its own end
 *   stream 2, 6, 10     the client's control stream and QPACK's
 *   stream 3, 7, 11     the server's
 */
export class Http3Session implements ConnectionOwner {
  readonly connection: QuicConnection
  /** What the other side has said; the defaults until then. */
  peerSettings: Http3Settings = settingsDefaults
  readonly #role: Http3Role
  readonly #limits: QuicLimits
  readonly #peerStreams: PeerStreams
  readonly #controlId: number
  #isOpen = false

  constructor(connection: QuicConnection, role: Http3Role, limits: QuicLimits) {
    this.connection = connection
    this.#role = role
    this.#limits = limits
    this.#controlId = role.side === 'client' ? 2 : 3
    const sink = {
      settings: (settings: Http3Settings) => {
        this.peerSettings = settings
        role.settled?.()
      },
      goaway: (id: number) => role.goaway(id),
    }
    this.#peerStreams = new PeerStreams(role.side === 'client' ? 'server' : 'client', sink, limits.controlFrameBytesMax)
    connection.ownedBy(this)
  }

  early(): void {
    this.#open()
    this.#role.early()
  }

  established(): void {
    const protocol = Buffer.from(this.connection.raw.applicationProto()).toString('latin1')
    if (protocol !== protocolName) {
      return this.connection.close(noApplicationProtocol, 'only h3 is spoken here', false)
    }
    this.#open()
    this.#role.established()
  }

  readable(streamId: number): void {
    this.guard(() => {
      if ((streamId & 2) === 0) this.#role.readable(streamId)
      else this.#readUnidirectional(streamId)
    })
  }

  finished(streamId: number): void {
    this.#role.finished(streamId)
  }

  stopped(streamId: number): void {
    this.guard(() => {
      if (streamId === this.#controlId)
        throw new Http3Failure(errorCode.closedCriticalStream, 'our control stream is stopped')
      this.#role.stopped(streamId)
    })
  }

  path(event: PathEvent): void {
    this.#role.path(event)
  }

  caughtUp(): void {
    this.#role.caughtUp()
  }

  ended(fault: ConnectionFault | undefined): void {
    this.#role.ended(fault)
  }

  goaway(id: number): void {
    if (this.connection.isEstablished) this.connection.write(this.#controlId, [goawayFrame(id)], false)
  }

  /** Does something that may fail by the other side's fault, which then ends the connection with the failure's code. */
  guard(work: () => void): void {
    try {
      work()
    } catch (error) {
      if (!(error instanceof Http3Failure)) throw error
      this.connection.close(error.code, error.message)
    }
  }

  #open(): void {
    if (this.#isOpen) return
    this.#isOpen = true
    const settings = { ...settingsDefaults, fieldSectionBytesMax: this.#limits.headerBytesMax }
    this.connection.write(this.#controlId, [controlPreface(settings)], false)
  }

  #readUnidirectional(streamId: number): void {
    for (;;) {
      const read = this.#readOf(streamId)
      if (read === undefined) return
      if (read === 'reset') return this.#peerStreams.end(streamId)
      if (!this.#peerStreams.push(streamId, read.bytes)) {
        return this.connection.stopReading(streamId, errorCode.streamCreationError)
      }
      if (read.isLast) return this.#peerStreams.end(streamId)
    }
  }

  #readOf(streamId: number): ReturnType<QuicConnection['read']> | 'reset' {
    try {
      return this.connection.read(streamId)
    } catch {
      return 'reset'
    }
  }
}
