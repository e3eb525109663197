import type { Connection } from '@qps/netpoll'

/** As much of a connection as lending looks at: the test decides what the kernel takes. */
export class Output {
  open = true
  bytesSent = 0
  pendingBytes = 0

  /** @returns itself, as a connection that has these bytes to send. */
  write(bytes: number): Connection {
    this.pendingBytes += bytes
    return this as unknown as Connection
  }

  send(bytes: number = this.pendingBytes): void {
    this.pendingBytes -= bytes
    this.bytesSent += bytes
  }
}
