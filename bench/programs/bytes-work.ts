import { equalsIgnoringCase, InternTable, latin1Text, writeDecimal } from '@qps/bytes'
import { headComplete, RequestParser } from '@qps/http1'
import { invariant } from '@qps/core'
import type { Work } from './repeat.ts'
import { socketWork } from './socket-work.ts'

/** By strings and copies, or on the bytes as they lie. */
export const ways = ['strings', 'bytes'] as const
export type Way = (typeof ways)[number]
export const tasks = ['head', 'names', 'number', 'write-1024', 'write-16384', 'write-262144'] as const
export type Task = (typeof tasks)[number]

/** What is made stays reachable for a while, as in a server that has this many requests in flight. */
const heldMax = 64

/** @param checked whether what comes of it is to be known byte by byte, at a price. */
export async function bytesWork(task: Task, way: Way, checked = false): Promise<Work> {
  switch (task) {
    case 'head':
      return headWork(way)
    case 'names':
      return namesWork(way)
    case 'number':
      return numberWork(way)
    case 'write-1024':
    case 'write-16384':
    case 'write-262144':
      return socketWork(way, Number(task.slice('write-'.length)), checked)
  }
}

/** What a browser sends, twelve fields of it. */
export const head: Buffer = Buffer.from(
  [
    'GET /items/1234567?currency=eur HTTP/1.1',
    'Host: shop.example.org',
    'Connection: keep-alive',
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0',
    'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
    'Accept-Language: en-US,en;q=0.7,de;q=0.3',
    'Accept-Encoding: gzip, deflate, br, zstd',
    'Referer: https://shop.example.org/shelves/12',
    'Cookie: session=9f86d081884c7d659a2feaa0c55ad015; theme=dark',
    'Cache-Control: max-age=0',
    'Sec-Fetch-Mode: navigate',
    'X-Request-Id: 5f1d9a52-7c7d-4f6e-9d0a-2f9a1c3b7e55',
    'Priority: u=0, i',
    '\r\n',
  ].join('\r\n'),
  'latin1',
)
const askedName = 'x-request-id'

/** The same parser finds where the fields are; then all are decoded, or one is. */
function headWork(way: Way): Work {
  const parser = new RequestParser({ headerBytesMax: 16_384, headerFieldsMax: 64, bodyBytesMax: 0 })
  const find = way === 'strings' ? decodeAll : decodeOne
  const ring: string[] = Array.from({ length: heldMax }, () => '')
  let sum = 0
  return {
    run(count) {
      let total = sum
      for (let done = 0; done < count; done++) {
        parser.reset()
        invariant(parser.parseHead(head, 0, head.length) === headComplete, 'the head is a head')
        const value = find(parser)
        total = (total + value.length + value.charCodeAt(done % value.length)) | 0
        ring[done % heldMax] = value
      }
      sum = total
    },
    get checksum() {
      return sum >>> 0
    },
  }
}

/** An object of all fields, as a server has it that does not know what will be asked. */
function decodeAll({ fields, fieldCount }: RequestParser): string {
  const values: Record<string, string> = {}
  for (let at = 0; at < 4 * fieldCount; at += 4) {
    const name = latin1Text(head, fields[at]!, fields[at + 1]!).toLowerCase()
    values[name] = latin1Text(head, fields[at + 2]!, fields[at + 3]!)
  }
  return values[askedName]!
}

function decodeOne({ fields, fieldCount }: RequestParser): string {
  for (let at = 0; at < 4 * fieldCount; at += 4) {
    if (!equalsIgnoringCase(head, fields[at]!, fields[at + 1]!, askedName)) continue
    return latin1Text(head, fields[at + 2]!, fields[at + 3]!)
  }
  return ''
}

/** Names that come with nearly every request, one behind the other. */
const names =
  'host connection user-agent accept accept-language accept-encoding referer cookie cache-control content-type content-length ' +
  'authorization origin pragma range if-none-match if-modified-since priority sec-fetch-mode sec-fetch-site sec-fetch-dest ' +
  'traceparent x-request-id x-forwarded-for'

function namesWork(way: Way): Work {
  const bytes = Buffer.from(names, 'latin1')
  const ends = [...names.matchAll(/ |$/g)].map(({ index }) => index)
  const starts = [0, ...ends.slice(0, -1).map((end) => end + 1)]
  const table = new InternTable()
  const textOf =
    way === 'strings'
      ? (start: number, end: number): string => latin1Text(bytes, start, end)
      : (start: number, end: number): string => table.get(bytes, start, end)
  const ring: string[] = Array.from({ length: heldMax }, () => '')
  let sum = 0
  return {
    run(count) {
      let total = sum
      for (let done = 0; done < count; done++) {
        const which = done % starts.length
        const name = textOf(starts[which]!, ends[which]!)
        total = (total + name.length + name.charCodeAt(1)) | 0
        ring[done % heldMax] = name
      }
      sum = total
    },
    get checksum() {
      return sum >>> 0
    },
  }
}

/** A content length, a price, a count: numbers of all lengths up to nine digits. */
function numberWork(way: Way): Work {
  const target = Buffer.alloc(32)
  const write =
    way === 'strings'
      ? (value: number): number => target.write(String(value), 4, 'latin1')
      : (value: number): number => writeDecimal(target, 4, value) - 4
  let sum = 0
  return {
    run(count) {
      let total = sum
      let value = 1
      for (let done = 0; done < count; done++) {
        const length = write(value)
        total = (total + length + target[3 + length]!) | 0
        // A prime step through all that is below a billion.
        value = (value + 15_485_863) % 1_000_000_000
      }
      sum = total
    },
    get checksum() {
      return sum >>> 0
    },
  }
}
