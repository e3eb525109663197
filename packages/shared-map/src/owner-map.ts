import { checkInteger, messageOf, QpsError, type QpsErrorCode } from '@qps/core'
import { busyError, closedError } from './errors.ts'
import type { MapKey, MapOperations, MapValue } from './shared-map.ts'

/** As much of a MessagePort, a Worker or `parentPort` as is used here. */
export interface PortLike {
  postMessage(message: unknown): void
  on(event: 'message', listener: (message: unknown) => void): unknown
}

export interface OwnerMapOptions {
  /** Operations without an answer, 1 to 1,048,576; one more is QPS_MAP_BUSY. Default 1024. */
  pendingMax?: number
}

/** Defaults of {@link OwnerMap}. */
export const ownerMapDefaults = { pendingMax: 1024 } as const

type Operation = 'get' | 'has' | 'set' | 'delete' | 'compareAndSet' | 'size'

interface Question {
  readonly id: number
  readonly operation: Operation
  readonly values: readonly (MapKey | MapValue | undefined)[]
}

interface Answer {
  readonly id: number
  readonly result?: unknown
  readonly failure?: { code: QpsErrorCode; message: string; retryable: boolean }
}

/**
 * Answers whoever is at the other end of `port` out of a map that only this thread has.
 *
 * @example
 * // In the thread that owns the map:
 * serveMap(new LocalMap<string, number>({ capacity: 10_000 }), port)
 */
export function serveMap<K extends MapKey, V extends MapValue>(map: MapOperations<K, V>, port: PortLike): void {
  port.on('message', (message) => {
    const { id, operation, values } = message as Question
    try {
      const result = perform(map as unknown as MapOperations, operation, values)
      port.postMessage({ id, result } satisfies Answer)
    } catch (error) {
      port.postMessage({ id, failure: describeFailure(error) } satisfies Answer)
    }
  })
}

function perform(map: MapOperations, operation: Operation, values: Question['values']): unknown {
  const [key, first, second] = values as [MapKey, MapValue, MapValue]
  switch (operation) {
    case 'get':
      return map.get(key)
    case 'has':
      return map.has(key)
    case 'set':
      return map.set(key, first)
    case 'delete':
      return map.delete(key)
    case 'compareAndSet':
      return map.compareAndSet(key, first, second)
    case 'size':
      return map.size
  }
}

function describeFailure(error: unknown): Answer['failure'] {
  if (error instanceof QpsError) return { code: error.code, message: error.message, retryable: error.retryable }
  return { code: 'QPS_MAP_OWNER', message: messageOf(error), retryable: false }
}

interface Waiting {
  resolve(result: unknown): void
  reject(error: QpsError): void
}

/**
 * A map that one thread owns and others ask by messages: no lock anywhere, one order of all operations, and a message each
 * way for every one of them. For comparison with maps in shared memory.
 *
 * Errors of all methods: those of the owner's map, QPS_MAP_BUSY (retryable) beyond `pendingMax`, QPS_MAP_CLOSED after the
 * disposal.
 */
export class OwnerMap<K extends MapKey, V extends MapValue> implements Disposable {
  readonly #port: PortLike
  readonly #pendingMax: number
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0
  #closed = false

  /** @param port leads to a thread that calls {@link serveMap}. @throws QpsError QPS_OPTION. */
  constructor(port: PortLike, { pendingMax = ownerMapDefaults.pendingMax }: OwnerMapOptions = {}) {
    this.#port = port
    this.#pendingMax = checkInteger('pendingMax', pendingMax, { min: 1, max: 1_048_576 })
    port.on('message', (message) => this.#answered(message as Answer))
  }

  get(key: K): Promise<V | undefined> {
    return this.#ask('get', [key]) as Promise<V | undefined>
  }

  has(key: K): Promise<boolean> {
    return this.#ask('has', [key]) as Promise<boolean>
  }

  async set(key: K, value: V): Promise<void> {
    await this.#ask('set', [key, value])
  }

  delete(key: K): Promise<boolean> {
    return this.#ask('delete', [key]) as Promise<boolean>
  }

  compareAndSet(key: K, expected: V | undefined, next: V | undefined): Promise<boolean> {
    return this.#ask('compareAndSet', [key, expected, next]) as Promise<boolean>
  }

  size(): Promise<number> {
    return this.#ask('size', []) as Promise<number>
  }

  /** Rejects what has no answer yet. The port is its maker's. */
  [Symbol.dispose](): void {
    this.#closed = true
    for (const { reject } of this.#waiting.values()) reject(closedError())
    this.#waiting.clear()
  }

  #ask(operation: Operation, values: Question['values']): Promise<unknown> {
    if (this.#closed) return Promise.reject(closedError())
    if (this.#waiting.size >= this.#pendingMax) return Promise.reject(busyError(this.#pendingMax))
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#port.postMessage({ id, operation, values } satisfies Question)
    })
  }

  #answered({ id, result, failure }: Answer): void {
    const waiting = this.#waiting.get(id)
    if (waiting === undefined) return
    this.#waiting.delete(id)
    if (failure === undefined) waiting.resolve(result)
    else waiting.reject(new QpsError(failure.code, failure.message, { retryable: failure.retryable }))
  }
}
