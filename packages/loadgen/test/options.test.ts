import { QpsError } from '@qps/core'
import { runLoad, runLoadProcess } from '@qps/loadgen'
import * as loadgen from '@qps/loadgen'
import { expect, test } from 'vitest'
import { type LoadOptions, planLoad } from '../src/options.ts'

const url = 'http://127.0.0.1:1/'

const call = { url: 'http://127.0.0.1:1/qps.v1.Workload/Echo', protocol: 'grpc' as const }
const longHeaders = { a: 'x'.repeat(8000), b: 'x'.repeat(8000), c: 'x'.repeat(8000) }
const secure = { url: 'https://127.0.0.1:1/', protocol: 'h3' as const }

const refused: [string, Partial<LoadOptions> & Record<string, unknown>, RegExp][] = [
  ['no URL', { url: undefined as unknown as string }, /^url must be an http:\/\/ or https:\/\/ URL, not undefined/],
  ['a URL that is none', { url: 'localhost:8080x' }, /^url must/],
  ['an authority that is none', { url: 'https://127.0.0.1/', ca: 'me' }, /^ca must be certificates in PEM/],
  ['any certificate without TLS', { insecure: true }, /are for https:\/\/ only/],
  ['a transport that has no TLS', { url: 'https://127.0.0.1/', transport: 'net' }, /^the transport net has no TLS/],
  ['another scheme', { url: 'ftp://127.0.0.1/' }, /speaks HTTP only/],
  ['a password in the URL', { url: 'http://a:b@127.0.0.1/' }, /must not hold a user name/],
  ['no connection', { connections: 0 }, /^connections must be a whole number from 1 to 10000, not 0/],
  ['too many connections', { connections: 10_001 }, /not 10001/],
  ['half a connection', { connections: 1.5 }, /whole number/],
  ['a duration of nothing', { durationS: 0 }, /^durationS must be a number from 0.1 to 3600, not 0/],
  ['an endless duration', { durationS: Infinity }, /not Infinity/],
  ['a rate of nothing', { rateQps: 0 }, /^rateQps must be a number from 1 to 10000000, not 0/],
  ['a rate in words', { rateQps: 'many' as unknown as number }, /not "many"/],
  ['a pipeline too deep', { pipeline: 1025 }, /^pipeline must/],
  ['too many threads', { threads: 65 }, /^threads must/],
  ['more threads than connections', { threads: 4, connections: 2 }, /threads must be at most connections \(2\), not 4/],
  ['a negative warm-up', { warmupS: -1 }, /^warmupS must/],
  ['no timeout', { timeoutS: 0 }, /^timeoutS must/],
  ['an unknown protocol', { protocol: 'h4' as 'h2' }, /^protocol must be one of h1, h2, h3, grpc, not "h4"/],
  ['HTTP/3 in cleartext', { protocol: 'h3' }, /^url must begin with https:\/\/ with h3/],
  ['HTTP/3 over another transport', { ...secure, transport: 'net' }, /^h3 and the transport quic go together/],
  ['QUIC for another protocol', { ...secure, protocol: 'h2', transport: 'quic' }, /^h3 and the transport quic go/],
  ['a field of HTTP/1.1 in HTTP/3', { ...secure, headers: { Upgrade: 'x' } }, /must not set Upgrade/],
  ['a header list too long for HTTP/3', { ...secure, headers: longHeaders }, /list of at most 16384 bytes, not \d+/],
  ['grpcBytes without gRPC', { protocol: 'h2', grpcBytes: 5 }, /^grpcBytes makes a message of gRPC/],
  ['a call whose path names no method', { protocol: 'grpc' }, /the path \/package.Service\/Method, not "\/"/],
  ['a call by GET', { ...call, method: 'GET' }, /^method must be POST with gRPC, not "GET"/],
  ['two messages in a call', { ...call, body: 'x', grpcBytes: 5 }, /^body and grpcBytes are two messages/],
  ['a message too long', { ...call, grpcBytes: 1024 * 1024 + 1 }, /^grpcBytes must .* from 0 to 1048576, not 1048577/],
  ['a window too small', { protocol: 'h2', windowBytes: 1000 }, /^windowBytes must .* from 65535 to 2147483647/],
  ['a field of HTTP/1.1 in HTTP/2', { protocol: 'h2', headers: { Connection: 'close' } }, /must not set Connection/],
  ['te other than trailers', { protocol: 'h2', headers: { TE: 'gzip' } }, /^header te must be trailers/],
  ['a header list too long', { protocol: 'h2', headers: longHeaders }, /list of at most 16384 bytes, not \d+/],
  ['two ranges', { url: `${url}[1-2]/[3-4]` }, /^url must have one range, not \[1-2\] and \[3-4\]/],
  [
    'a range that runs backwards',
    { url: `${url}[9-1]` },
    /^the end of \[9-1\] in url must be a whole number of at least 9/,
  ],
  ['a range too long', { url: `${url}[0-65536]` }, /^numbers in \[0-65536\] of url must .* 65536, not 65537/],
  ['a range with another protocol', { url: `${url}[1-2]`, protocol: 'h2' }, /^url must have no range with h2/],
  ['ranges of large requests', { url: `${url}[1-65536]`, body: 'x'.repeat(2000), method: 'POST' }, /over 64 MiB/],
  ['a method in small letters', { method: 'get' }, /^method must/],
  ['a tunnel', { method: 'CONNECT' }, /other than CONNECT/],
  ['a second request in the method', { method: 'GET / HTTP/1.1\r\nX:' }, /^method must/],
  ['a second line in a header', { headers: { X: 'a\r\nY: b' } }, /^header X must be one line/],
  ['a header without a name', { headers: { '': 'a' } }, /names of letters/],
  ['a length of its own', { headers: { 'content-LENGTH': '5' } }, /must not set content-LENGTH/],
  ['a coding of its own', { headers: { 'Transfer-Encoding': 'chunked' } }, /must not set/],
  ['a body that is none', { body: 5 as unknown as string }, /^body must be a string or bytes, not 5/],
  ['a body too large', { body: 'x'.repeat(1024 * 1024 + 1) }, /at most 1048576 bytes, not 1048577/],
  ['a pipeline of large bodies', { body: 'x'.repeat(1024 * 1024), method: 'POST', pipeline: 100 }, /over 64 MiB/],
]

test.each(refused)('refuses %s', async (_name, options, message) => {
  const error: unknown = await runLoad({ url, ...options }).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(QpsError)
  expect(error).toMatchObject({ code: 'QPS_OPTION', message: expect.stringMatching(message) as string })
})

test('a child process refuses a wrong option as well, before it is started', async () => {
  await expect(runLoadProcess({ url, pipeline: 0 })).rejects.toMatchObject({ code: 'QPS_OPTION' })
})

test('an option given as undefined has its default', () => {
  expect(planLoad({ url, connections: undefined, rateQps: undefined } as LoadOptions)).toMatchObject({
    connections: 64,
    durationS: 10,
    rateQps: null,
    pipeline: 1,
    threads: 1,
    warmupS: 0,
    timeoutS: 10,
  })
})

const requestOf = (options: Partial<LoadOptions>): string => {
  const { message } = planLoad({ url, ...options })
  return message.protocol === 'h1' ? Buffer.from(message.bytes).toString() : expect.unreachable()
}

test('a request has the path, the query and the host of the URL', () => {
  expect(requestOf({ url: 'http://[::1]:8080/a/b?c=d e' })).toBe(
    'GET /a/b?c=d%20e HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n',
  )
})

test('the default port is not named in Host', () => {
  expect(planLoad({ url: 'http://example.org' })).toMatchObject({ host: 'example.org', port: 80 })
  expect(requestOf({ url: 'http://example.org:80' })).toContain('Host: example.org\r\n')
})

test('a body has its length in bytes', () => {
  expect(requestOf({ method: 'POST', body: 'é' })).toBe(
    'POST / HTTP/1.1\r\nHost: 127.0.0.1:1\r\nContent-Length: 2\r\n\r\né',
  )
})

test('POST without a body says so', () => {
  expect(requestOf({ method: 'POST' })).toContain('Content-Length: 0\r\n')
  expect(requestOf({ method: 'GET' })).not.toContain('Content-Length')
})

test('headers are sent in order, and Host can be replaced', () => {
  const request = requestOf({ headers: { Accept: '*/*', host: 'shop.example' } })
  expect(request).toBe('GET / HTTP/1.1\r\nAccept: */*\r\nhost: shop.example\r\n\r\n')
})

test('the public names stay', () => {
  expect(Object.keys(loadgen).toSorted()).toEqual([
    'errorKinds',
    'loadDefaults',
    'loadLimits',
    'runLoad',
    'runLoadProcess',
  ])
})
