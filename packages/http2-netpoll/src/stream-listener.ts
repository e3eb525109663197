/** What a stream tells whoever answers it. What one of these throws ends the stream with INTERNAL_ERROR. */
export interface StreamListener {
  /** @param bytes **borrowed** for this call: `bytes[start..end)`, at least one. Copy what must stay. */
  onData(bytes: Uint8Array, start: number, end: number): void
  /** The request is complete. Not called where the stream ends before, or the handler answered a request without a body at once. */
  onEnd(): void
  /** The answer has been handed to the connection, to its last frame. It may be called within `respond` and `end`. */
  onAnswered?(): void
  /**
   * The stream is gone; called exactly once, last. It may be called within a call of the stream's own methods.
   *
   * @param code why it was reset, by either side; 0 where both sides were done, or the client stopped asking for a reason of
   *   no error. `stream.ended` says whether the answer was complete.
   */
  onClose(code: number): void
}
