/** What became of the requests that were in flight, or arrived, while a server drained. */
export interface DrainReport {
  /** Answered in full. */
  completed: number
  /** Cut at the limit. */
  dropped: number
  ms: number
}

/** A server that listens, as commands and tests see it. */
export interface RunningServer {
  /** `http://127.0.0.1:8080`, without a slash at the end. */
  url: string
  /** Connections that are open now. */
  connections(): number
  /** Ends serving. @param limitMs after this, what is left is cut. Default 5000. */
  drain(limitMs?: number): Promise<DrainReport>
}
