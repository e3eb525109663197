import type { QpsError } from '@qps/core'
import type { ClientConnection } from './connection.ts'
import type { Exchange } from './exchange.ts'
import type { CheckedOptions } from './options.ts'

/** What a connection tells whoever hands out requests. */
export interface ConnectionOwner {
  readonly options: CheckedOptions
  /** The server's name, for errors. */
  readonly where: string
  /** Now in ms, as of the last sweep: free. */
  readonly nowMs: number
  /** It can take another request: it has opened, or an answer is complete. */
  hasRoom(connection: ClientConnection): void
  /** It takes no more requests; told once. @param error why it never opened. */
  gone(connection: ClientConnection, error: QpsError | undefined): void
  /** May be sent once more: no byte of its answer has come. @returns false where it is not. */
  again(exchange: Exchange): boolean
  connectFailure(cause: unknown): QpsError
}
