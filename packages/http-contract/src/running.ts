/** What became of the requests that were in flight, or arrived, while a server drained. */
export interface DrainReport {
  /** Answered in full. */
  completed: number
  /** Cut at the limit. */
  dropped: number
  ms: number
}

/** Where a server's connections come from if it does not listen itself: a port that several protocols share. */
export interface ConnectionSource {
  readonly listening: boolean
  /** Connections that were accepted and that no server has got yet. */
  readonly connecting: number
  /** Accepts no more. */
  close(): void
}

/** A page of the admin port. */
export interface AdminPage {
  /** Default 200. */
  status?: number
  contentType: string
  body: string | Uint8Array
  /** Under which a browser keeps it, instead of showing it. Letters, digits, `.`, `-` and `_`. */
  filename?: string
}

/**
 * Answers `GET` of an admin page.
 *
 * @param query the part behind `?`, decoded.
 * @param signal fires when nobody waits for the page any more.
 */
export type AdminRoute = (query: URLSearchParams, signal: AbortSignal) => Promise<AdminPage>

/** A server that listens, as commands and tests see it. */
export interface RunningServer {
  /** What a person should know about how it runs, a line each: which engine was chosen, for instance. */
  notes?: Readonly<Record<string, string>>
  /** Pages of its own on the admin port, by path. */
  pages?: Readonly<Record<string, AdminRoute>>
  /** `http://127.0.0.1:8080`, without a slash at the end. */
  url: string
  /** Where it serves other protocols: `h2`, `grpc`, `tls`, `quic` → `127.0.0.1:50051`. */
  endpoints?: Readonly<Record<string, string>>
  /** Connections that are open now. */
  connections(): number
  /** Ends serving. @param limitMs after this, what is left is cut. Default 5000. */
  drain(limitMs?: number): Promise<DrainReport>
}
