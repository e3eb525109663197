import type { TransportConnection } from '../transport.ts'

/** Beyond this a write leaves at once. */
const sendBytes = 64 * 1024
/** More than a header block and a frame of content, which is the most that is ever asked for at once. */
const roomBytesMax = 64 * 1024

/**
 * Where frames are written before they leave in one piece. One per thread: a connection takes it, fills it, and sends it
 * before another one's turn comes.
 */
export class FrameOutput {
  readonly bytes: Buffer = Buffer.allocUnsafeSlow(sendBytes + roomBytesMax)
  /** Where the next frame goes. */
  at = 0

  /** Sends what is there if a good deal is: at least 64 KiB are free afterwards. */
  makeRoom(socket: TransportConnection): void {
    if (this.at >= sendBytes) this.send(socket)
  }

  send(socket: TransportConnection): void {
    if (this.at === 0) return
    const end = this.at
    this.at = 0
    socket.writeCopy(this.bytes, 0, end)
  }
}
