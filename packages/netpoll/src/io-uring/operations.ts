import type { KernelConnection } from '../kernel/connection.ts'
import type { KernelListener } from '../kernel/listener.ts'
import { cancelFlag, multishot, ringOperation, socket, submissionFlag } from '../sys/abi.ts'
import { addressBytesMax, type Endpoint, writeAddress } from '../sys/address.ts'
import { Arena } from '../sys/arena.ts'
import { bufferGroup } from './receive-buffers.ts'
import type { Ring } from './ring.ts'

/** What a completion belongs to: the first word of its tag. The second is the slot of the connection or listener. */
export const operation = {
  accept: 1,
  receive: 2,
  send: 3,
  close: 4,
  cancel: 5,
  connect: 6,
  nothing: 7,
  stopListener: 8,
  closeListener: 9,
  /** From here on they are those of the poller's extension. */
  extension: 10,
} as const

const receiveHead = ringOperation.RECV | (submissionFlag.BUFFER_SELECT << 8) | (multishot.RECV << 16)
const acceptHead = ringOperation.ACCEPT | (multishot.ACCEPT << 16)
/** WAITALL makes the kernel itself go on after a short send. */
const sendFlags = socket.MSG_NOSIGNAL | socket.MSG_WAITALL
const allOfDescriptor = cancelFlag.ALL | cancelFlag.FD
/** In the place of a slot: nobody's. */
const noSlot = -1
/** Room for an address, in whole cache lines. */
const addressBytes = Math.ceil(addressBytesMax / 64) * 64

/**
 * What is asked of the ring: one method for each submission. The poller has the other half, what is done when it
 * completes.
 *
 *     asked                     completes                                                     under the tag
 *     receive                   whenever bytes come, until it is cancelled or fails           receive
 *     accept                    whenever somebody connects, until it is cancelled or fails    accept
 *     send, connect, close …    once                                                          their own
 *     cancel …                  once, and so does whatever it cancels                         cancel
 *
 * Each operation of a connection is counted in its `operations`, until its last completion, where the poller takes it
 * off: the kernel still holds the descriptor, and a send the block, for as long.
 */
export class Operations {
  readonly #ring: Ring
  readonly #output: Arena
  /** Addresses to connect to, one for each place of the submission queue: the kernel copies it with the submission. */
  readonly #addresses: Arena

  /** @param output the arena of the output blocks. */
  constructor(ring: Ring, output: Arena) {
    this.#ring = ring
    this.#output = output
    this.#addresses = new Arena(ring.submissionsMax * addressBytes)
  }

  /** Reads from now on, each time into one of the shared receive buffers. */
  receive(connection: KernelConnection): void {
    connection.reading = true
    connection.operations++
    this.#ring.submit(receiveHead, connection.descriptor, 0, 0, 0, 0, operation.receive, connection.slot, bufferGroup)
  }

  /** Sends `connection.sending` bytes of its block, from `connection.at` on. */
  send(connection: KernelConnection): void {
    connection.operations++
    const { descriptor, at, sending, slot } = connection
    const output = this.#output
    this.#ring.submit(
      ringOperation.SEND,
      descriptor,
      output.lowAt(at),
      output.highAt(at),
      sending,
      sendFlags,
      operation.send,
      slot,
      0,
    )
  }

  /** @returns false where the kernel takes no submissions right now: nothing is asked then. */
  connect(connection: KernelConnection, endpoint: Endpoint): boolean {
    const ring = this.#ring
    if (!ring.makeRoom()) return false
    const addresses = this.#addresses
    const at = ring.place * addressBytes
    const length = writeAddress(endpoint, addresses.bytes, at)
    connection.operations++
    ring.submit(
      ringOperation.CONNECT,
      connection.descriptor,
      addresses.lowAt(at),
      addresses.highAt(at),
      0,
      0,
      operation.connect,
      connection.slot,
      0,
      length,
    )
    return true
  }

  /** Completes, and does nothing else: for a connection that never had a socket. */
  nothing(connection: KernelConnection): void {
    connection.operations++
    this.#ring.submit(ringOperation.NOP, -1, 0, 0, 0, 0, operation.nothing, connection.slot, 0)
  }

  /** The operation to cancel is named by its tag and slot, in the place of an address. */
  cancelReceive(connection: KernelConnection): void {
    connection.operations++
    const { slot } = connection
    this.#ring.submit(ringOperation.ASYNC_CANCEL, -1, operation.receive, slot, 0, 0, operation.cancel, slot, 0)
  }

  /** Makes whatever the connection waits for complete. */
  cancelAll(connection: KernelConnection): void {
    connection.operations++
    this.#cancelDescriptor(connection.descriptor, connection.slot)
  }

  close(connection: KernelConnection): void {
    connection.operations++
    this.#ring.submit(ringOperation.CLOSE, connection.descriptor, 0, 0, 0, 0, operation.close, connection.slot, 0)
  }

  /** Accepts from now on. */
  accept(listener: KernelListener): void {
    listener.accepting = true
    this.#ring.submit(acceptHead, listener.descriptor, 0, 0, 0, socket.SOCK_CLOEXEC, operation.accept, listener.slot, 0)
  }

  cancelAccept(listener: KernelListener): void {
    this.#cancelDescriptor(listener.descriptor, noSlot)
  }

  /** Completes, and does nothing else: what is still to be done for the listener is done in a turn. */
  stopListener(listener: KernelListener): void {
    this.#ring.submit(ringOperation.NOP, -1, 0, 0, 0, 0, operation.stopListener, listener.slot, 0)
  }

  closeListener(listener: KernelListener): void {
    this.#ring.submit(ringOperation.CLOSE, listener.descriptor, 0, 0, 0, 0, operation.closeListener, listener.slot, 0)
  }

  #cancelDescriptor(descriptor: number, slot: number): void {
    this.#ring.submit(ringOperation.ASYNC_CANCEL, descriptor, 0, 0, 0, allOfDescriptor, operation.cancel, slot, 0)
  }

  release(): void {
    this.#addresses.release()
  }
}
