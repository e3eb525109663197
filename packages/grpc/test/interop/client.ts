import type { MethodDefinition } from '@qps/grpc'

/** What both clients' metadata can do. */
export interface MetadataView {
  get(key: string): (string | Buffer)[]
}

export interface InteropStatus {
  code: number
  details: string
  metadata: MetadataView
}

export interface InteropOptions {
  /** Keys that end in `-bin` have bytes. */
  metadata?: Record<string, string | Buffer>
  timeoutMs?: number
}

export interface InteropReply<Reply> {
  /** Undefined where the status is not OK. */
  reply: Reply | undefined
  headers: MetadataView
  status: InteropStatus
}

/** A streaming call, in the same form for every client. */
export interface InteropStream<Request, Reply> {
  write(request: Request): Promise<void>
  end(): void
  cancel(): void
  /** Resolves to undefined when there are no more; never rejects: see `status`. */
  next(): Promise<Reply | undefined>
  headers: Promise<MetadataView>
  status: Promise<InteropStatus>
}

/** A client as the interoperability cases use it. */
export interface InteropClient {
  unary<Request, Reply>(
    method: MethodDefinition<Request, Reply>,
    request: Request,
    options?: InteropOptions,
  ): Promise<InteropReply<Reply>>
  serverStream<Request, Reply>(
    method: MethodDefinition<Request, Reply>,
    request: Request,
    options?: InteropOptions,
  ): InteropStream<Request, Reply>
  clientStream<Request, Reply>(
    method: MethodDefinition<Request, Reply>,
    options?: InteropOptions,
  ): InteropStream<Request, Reply>
  bidi<Request, Reply>(
    method: MethodDefinition<Request, Reply>,
    options?: InteropOptions,
  ): InteropStream<Request, Reply>
  close(): Promise<void>
}
