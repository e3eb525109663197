import type { HttpRequest, ResponseHeaders } from './http-dispatcher.ts'

/** To a worker of the per-worker dispatcher. */
export type ToWorker = { type: 'request'; id: number; request: HttpRequest } | { type: 'close' }

/** From it: one for each request. The body's memory is moved, not copied. */
export type FromWorker =
  | { type: 'answer'; id: number; status: number; headers: ResponseHeaders; body: Uint8Array<ArrayBuffer> }
  | { type: 'error'; id: number; code: string; message: string; retryable: boolean; hint: string | undefined }
