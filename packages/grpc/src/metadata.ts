import { describe, QpsError } from '@qps/core'

/** Text; bytes where the key ends in `-bin`. */
export type MetadataValue = string | Buffer

/**
 * What may be given where metadata is expected: our {@link Metadata}, and that of grpc-js, which has the same method.
 */
export interface MetadataLike {
  toHttp2Headers(): { readonly [name: string]: number | string | string[] | undefined }
}

const keyPattern = /^[0-9a-z_.-]+$/
/** Printable ASCII and space, none of them at either end: what an HTTP/2 header can carry unchanged. */
const valuePattern = /^(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?$/

/**
 * Headers of a call: keys in lower case, several values each, in the order in which they were added. A key that ends in
 * `-bin` has bytes (base64 on the wire), any other has printable ASCII. What grpc-js's class of the same name can do here
 * too, so that a handler does not see which it has.
 *
 * Keys are kept in a Map and handed out in objects without a prototype: `__proto__` is a key like any other.
 *
 * @throws QpsError QPS_GRPC_METADATA for a key or a value that cannot be sent; it names both.
 * @example
 * const metadata = new Metadata()
 * metadata.set('tenant', 'blue')
 * metadata.set('trace-bin', Buffer.from([1, 2, 3]))
 */
export class Metadata implements MetadataLike {
  readonly #values = new Map<string, MetadataValue[]>()

  set(key: string, value: MetadataValue): void {
    const name = checkedKey(key)
    this.#values.set(name, [checkedValue(name, value)])
  }

  add(key: string, value: MetadataValue): void {
    const name = checkedKey(key)
    this.#add(name, checkedValue(name, value))
  }

  remove(key: string): void {
    this.#values.delete(checkedKey(key))
  }

  get(key: string): MetadataValue[] {
    return [...(this.#values.get(key.toLowerCase()) ?? [])]
  }

  /** The first value of each key. */
  getMap(): Record<string, MetadataValue> {
    const first = Object.create(null) as Record<string, MetadataValue>
    for (const [key, values] of this.#values) first[key] = values[0]!
    return first
  }

  clone(): Metadata {
    const copy = new Metadata()
    copy.merge(this)
    return copy
  }

  /** Adds every value of the other. */
  merge(other: Metadata): void {
    for (const [key, values] of other.#values) for (const value of values) this.#add(key, value)
  }

  /** grpc-js keeps options of a call here; there are none. */
  getOptions(): Record<string, never> {
    return {}
  }

  toHttp2Headers(): Record<string, string[]> {
    const headers = Object.create(null) as Record<string, string[]>
    for (const [key, values] of this.#values) {
      headers[key] = values.map((value) => (typeof value === 'string' ? value : base64(value)))
    }
    return headers
  }

  toJSON(): Record<string, MetadataValue[]> {
    const all = Object.create(null) as Record<string, MetadataValue[]>
    for (const [key, values] of this.#values) all[key] = [...values]
    return all
  }

  /**
   * The custom metadata of a header section, names and values in turns as node:http2 hands them out: without
   * pseudo-headers and what belongs to the protocol. Bytes may come as a list, separated by commas.
   */
  static fromRawHeaders(rawHeaders: readonly string[]): Metadata {
    const metadata = new Metadata()
    for (let at = 0; at < rawHeaders.length; at += 2) {
      const key = rawHeaders[at]!
      if (isReserved(key)) continue
      const value = rawHeaders[at + 1]!
      if (!key.endsWith('-bin')) metadata.#add(key, value)
      else for (const part of value.split(',')) metadata.#add(key, Buffer.from(part, 'base64'))
    }
    return metadata
  }

  #add(name: string, value: MetadataValue): void {
    const values = this.#values.get(name)
    if (values) values.push(value)
    else this.#values.set(name, [value])
  }
}

/** Headers of HTTP/2 and of gRPC itself, which metadata can neither set nor show. `user-agent` is shown, as elsewhere. */
const reserved = new Set([
  'te',
  'content-type',
  'content-length',
  'host',
  'date',
  'connection',
  'accept-encoding',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
])

function isReserved(key: string): boolean {
  return key.startsWith(':') || (key.startsWith('grpc-') && !key.endsWith('-bin')) || reserved.has(key)
}

/** Without padding: the protocol prefers it so. */
function base64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}

function checkedKey(key: string): string {
  const name = key.toLowerCase()
  if (keyPattern.test(name)) return name
  throw new QpsError('QPS_GRPC_METADATA', `${describe(key)} is no key of metadata`, {
    hint: 'use letters, digits, "_", "-" and "."',
  })
}

function checkedValue(name: string, value: MetadataValue): MetadataValue {
  const binary = name.endsWith('-bin')
  if (binary ? Buffer.isBuffer(value) : typeof value === 'string' && valuePattern.test(value)) return value
  throw new QpsError('QPS_GRPC_METADATA', `metadata ${describe(name)} cannot have the value ${describe(value)}`, {
    hint: binary
      ? 'give bytes as a Buffer'
      : 'use printable ASCII without space around it, or a key that ends in "-bin"',
  })
}

/**
 * Appends metadata to a header section, names and values in turns. What cannot be sent is left out: nobody's metadata may
 * turn an answer into a failure, or set a header of the protocol.
 */
export function appendMetadata(target: string[], metadata: MetadataLike | null | undefined): void {
  // Errors of any kind may have something else under this name.
  if (typeof metadata?.toHttp2Headers !== 'function') return
  const headers = metadata.toHttp2Headers()
  for (const key of Object.keys(headers)) {
    if (isReserved(key) || !keyPattern.test(key)) continue
    const value = headers[key]
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && valuePattern.test(String(one))) target.push(key, String(one))
    }
  }
}
