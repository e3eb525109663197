import { frame, getRoot, reset, settings, windowUpdate } from '@qps/testkit'
import { describe, expect, test } from 'vitest'
import { data, head, MemoryServer, post } from './memory-server.ts'
import { answering, listener } from './support.ts'

const ping = (flags = 0): Buffer => frame(6, flags, 0, Buffer.from('12345678'))
const priority = (streamId: number): Buffer => frame(2, 0, streamId, Buffer.from([0, 0, 0, 0, 9]))
const goaway = (last = 0): Buffer => frame(7, 0, 0, Buffer.from([0, 0, 0, last, 0, 0, 0, 0]))
const trailers = (streamId: number, endStream = true): Buffer => head(streamId, [['x-sum', '1']], endStream)
const answered = (id: number): string[] => [`HEADERS ${id} 200`, `DATA ${id} 5 end`]
const large = 2 ** 31 - 1

/** What a client sends behind its SETTINGS, and what the server tells it of that. Streams are answered when they are complete. */
const cases: readonly [name: string, frames: Buffer[], told: string[]][] = [
  // Bodies and their ends
  ['a body with its end', [post(1), data(1, 3), data(1, 2, true)], answered(1)],
  ['an empty end', [post(1), data(1, 3), data(1, 0, true)], answered(1)],
  ['trailers', [post(1), data(1, 3), trailers(1)], answered(1)],
  ['a length that holds', [post(1, ['content-length', '5']), data(1, 3), data(1, 2, true)], answered(1)],
  ['a length that holds, with trailers', [post(1, ['content-length', '3']), data(1, 3), trailers(1)], answered(1)],
  ['more than the length', [post(1, ['content-length', '2']), data(1, 3)], ['RST_STREAM 1 PROTOCOL_ERROR']],
  ['less than the length', [post(1, ['content-length', '4']), data(1, 3, true)], ['RST_STREAM 1 PROTOCOL_ERROR']],
  [
    'less than the length, with trailers',
    [post(1, ['content-length', '4']), data(1, 3), trailers(1)],
    ['RST_STREAM 1 PROTOCOL_ERROR'],
  ],
  [
    'a length without a body',
    [
      head(1, [
        [':method', 'GET'],
        [':scheme', 'http'],
        [':path', '/'],
        ['content-length', '1'],
      ]),
    ],
    ['RST_STREAM 1 PROTOCOL_ERROR'],
  ],
  [
    'padding is no body',
    [post(1, ['content-length', '2']), frame(0, 9, 1, Buffer.from([3, 1, 2, 0, 0, 0]))],
    answered(1),
  ],
  ['more padding than payload', [post(1), frame(0, 9, 1, Buffer.from([9, 1]))], ['GOAWAY 1 PROTOCOL_ERROR']],
  ['trailers that do not end', [post(1), trailers(1, false)], ['RST_STREAM 1 PROTOCOL_ERROR']],
  ['trailers with a pseudo-header field', [post(1), head(1, [[':path', '/']])], ['RST_STREAM 1 PROTOCOL_ERROR']],
  // Streams that are half-closed, closed, or were never open
  ['DATA for a stream that was answered', [getRoot(1), data(1, 1)], [...answered(1), 'GOAWAY 1 STREAM_CLOSED']],
  ['HEADERS for a stream that was answered', [getRoot(1), getRoot(1)], [...answered(1), 'GOAWAY 1 STREAM_CLOSED']],
  ['DATA for a stream that its client reset', [post(1), reset(1), data(1, 1)], ['GOAWAY 1 STREAM_CLOSED']],
  ['a lower stream than before', [getRoot(5), getRoot(3)], [...answered(5), 'GOAWAY 5 PROTOCOL_ERROR']],
  ['an even stream', [getRoot(2)], ['GOAWAY 0 PROTOCOL_ERROR']],
  ['an even stream below others', [getRoot(3), getRoot(2)], [...answered(3), 'GOAWAY 3 PROTOCOL_ERROR']],
  ['DATA for a stream to come', [data(1, 1)], ['GOAWAY 0 PROTOCOL_ERROR']],
  ['RST_STREAM for a stream to come', [reset(1)], ['GOAWAY 0 PROTOCOL_ERROR']],
  ['WINDOW_UPDATE for a stream to come', [windowUpdate(1, 1)], ['GOAWAY 0 PROTOCOL_ERROR']],
  ['WINDOW_UPDATE for one of ours', [getRoot(3), windowUpdate(2, 1)], [...answered(3), 'GOAWAY 3 PROTOCOL_ERROR']],
  [
    'RST_STREAM and WINDOW_UPDATE behind the answer',
    [getRoot(1), windowUpdate(1, 1), reset(1), getRoot(3)],
    [...answered(1), ...answered(3)],
  ],
  ['RST_STREAM of a body that arrives', [post(1), data(1, 1), reset(1, 0), getRoot(3)], answered(3)],
  ['PRIORITY for any stream', [priority(7), getRoot(1), priority(1)], answered(1)],
  // Late frames for streams that we ended
  [
    'what was on its way when we reset',
    [post(1, ['content-length', '1']), data(1, 2), data(1, 9), trailers(1), windowUpdate(1, 1), getRoot(3)],
    ['RST_STREAM 1 PROTOCOL_ERROR', ...answered(3)],
  ],
  [
    'the body of a head that was malformed',
    [head(1, [['x', 'y']], false), data(1, 5, true), getRoot(3)],
    ['RST_STREAM 1 PROTOCOL_ERROR', ...answered(3)],
  ],
  // Windows
  ['an increment of nothing on the session', [windowUpdate(0, 0)], ['GOAWAY 0 PROTOCOL_ERROR']],
  ['an increment of nothing on a stream', [post(1), windowUpdate(1, 0)], ['RST_STREAM 1 PROTOCOL_ERROR']],
  ['too large a window of the session', [windowUpdate(0, large)], ['GOAWAY 0 FLOW_CONTROL_ERROR']],
  ['too large a window of a stream', [post(1), windowUpdate(1, large)], ['RST_STREAM 1 FLOW_CONTROL_ERROR']],
  [
    'too large a window by SETTINGS',
    [post(1), windowUpdate(1, 100), settings([4, large])],
    ['GOAWAY 1 FLOW_CONTROL_ERROR'],
  ],
  ['too large a setting of a window', [settings([4, 2 ** 31])], ['GOAWAY 0 FLOW_CONTROL_ERROR']],
  // The session
  ['PUSH_PROMISE', [frame(5, 4, 1, Buffer.alloc(8))], ['GOAWAY 0 PROTOCOL_ERROR']],
  ['too long a frame', [frame(0, 0, 1, Buffer.alloc(16_385))], ['GOAWAY 0 FRAME_SIZE_ERROR']],
  ['a frame of an unknown type', [frame(99, 255, 1, Buffer.alloc(5)), getRoot(1)], answered(1)],
  ['CONTINUATION', [frame(1, 1, 1, Buffer.from([0x82, 0x86])), frame(9, 4, 1, Buffer.from([0x84]))], answered(1)],
  ['CONTINUATION that is not one', [frame(9, 4, 1, Buffer.from([0x84]))], ['GOAWAY 0 PROTOCOL_ERROR']],
  [
    'something between HEADERS and CONTINUATION',
    [frame(1, 1, 1, Buffer.from([0x82])), ping()],
    ['GOAWAY 0 PROTOCOL_ERROR'],
  ],
  ['a block that is no HPACK', [frame(1, 5, 1, Buffer.from([0xff, 0xff]))], ['GOAWAY 1 COMPRESSION_ERROR']],
  ['trailers that are no HPACK', [post(1), frame(1, 5, 1, Buffer.from([0x80]))], ['GOAWAY 1 COMPRESSION_ERROR']],
  ['PING of a wrong size', [frame(6, 0, 0, Buffer.alloc(7))], ['GOAWAY 0 FRAME_SIZE_ERROR']],
  // GOAWAY of the client
  ['GOAWAY with a stream open', [post(1), goaway(), data(1, 1, true)], answered(1)],
  [
    'a stream behind GOAWAY',
    [post(1), goaway(), getRoot(3), data(1, 1, true)],
    ['RST_STREAM 3 REFUSED_STREAM', ...answered(1)],
  ],
]

describe('what the server makes of frames', () => {
  test.each(cases)('%s', (_name, frames, told) => {
    const server = new MemoryServer(answering())
    const client = server.connect(settings(), ...frames)
    expect(client.told).toEqual(told)
    const isOver = told.at(-1)?.startsWith('GOAWAY') === true || frames.some((bytes) => bytes[3] === 7)
    expect(client.connection.ended).toBe(isOver)
    // Whoever was told to go is cut soon, and nothing is left.
    if (isOver) server.pass(1_500, client)
    else client.connection.finish()
    client.connection.settle()
    expect([server.kept, server.clock.pending]).toEqual([0, 0])
  })

  test('while a request is answered, HEADERS and DATA behind its end are faults of the stream', () => {
    const server = new MemoryServer((stream) => void (stream.listener = listener()))
    const client = server.connect(settings(), getRoot(1), data(1, 1), getRoot(3), getRoot(3))
    expect(client.told).toEqual(['RST_STREAM 1 STREAM_CLOSED', 'RST_STREAM 3 STREAM_CLOSED'])
  })

  test.each([
    ['no SETTINGS', [ping()], 'GOAWAY 0 PROTOCOL_ERROR'],
    ['an acknowledgment instead of SETTINGS', [frame(4, 1, 0)], 'GOAWAY 0 PROTOCOL_ERROR'],
    ['SETTINGS of a wrong size', [frame(4, 0, 0, Buffer.alloc(5))], 'GOAWAY 0 FRAME_SIZE_ERROR'],
  ])('%s behind the preface: our SETTINGS come first all the same', (_name, frames, told) => {
    const { log, connection } = new MemoryServer(answering()).connect(...frames)
    expect([log.lines[0]?.split(' ')[0], log.lines.at(-1), connection.ended]).toEqual(['SETTINGS', told, true])
  })

  test('who speaks something else is told nothing', () => {
    const server = new MemoryServer(answering())
    const client = server.open()
    client.send(Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'))
    expect([client.connection.sent.length, client.connection.ended]).toEqual([0, true])
    server.pass(250, client)
    expect(server.kept).toBe(0)
  })

  test('SETTINGS are acknowledged, pings answered with their bytes; the answer to none of ours is let by', () => {
    const client = new MemoryServer(answering()).connect(settings(), ping(), ping(1), settings([1, 0], [3, 7], [99, 1]))
    expect(client.log.lines.filter((line) => /^(?:SETTINGS|PING)/.test(line)).slice(1)).toEqual([
      'SETTINGS ack',
      'PING ack 3132333435363738',
      'SETTINGS ack',
    ])
  })
})

describe('requests that are malformed', () => {
  const good: [string, string][] = [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/a?b=%20'],
    [':authority', 'a.b:80'],
  ]
  const with_ = (name: string, value: string): [string, string][] =>
    good.map((field) => (field[0] === name ? [name, value] : field))
  const without = (name: string): [string, string][] => good.filter((field) => field[0] !== name)

  test.each<[string, [string, string][]]>([
    ['as it should be', good],
    ['te: trailers', [...good, ['te', 'trailers']]],
    ['a host that says the same', [...good, ['host', 'A.b:80']]],
    [
      'OPTIONS *',
      [
        [':method', 'OPTIONS'],
        [':scheme', 'http'],
        [':path', '*'],
      ],
    ],
    ['no host at all', without(':authority')],
    ['__proto__', [...good, ['__proto__', 'x'], ['constructor', 'y']]],
    ['cookies in pieces', [...good, ['cookie', 'a=b'], ['cookie', 'c=d']]],
  ])('not: %s', (_name, fields) => {
    expect(new MemoryServer(answering()).connect(settings(), head(1, fields)).told).toEqual(answered(1))
  })

  test.each<[string, [string, string][]]>([
    ['no method', without(':method')],
    ['no scheme', without(':scheme')],
    ['no path', without(':path')],
    ['an empty method', with_(':method', '')],
    ['an empty scheme', with_(':scheme', '')],
    ['an empty path', with_(':path', '')],
    ['a method with a blank', with_(':method', 'GET /')],
    ['a path with a blank', with_(':path', '/a b')],
    ['a path that is a URL', with_(':path', 'http://a/')],
    ['GET *', with_(':path', '*')],
    ['an empty authority', with_(':authority', '')],
    ['an authority with a user', with_(':authority', 'me@a')],
    ['a host that says something else', [...good, ['host', 'b']]],
    ['two hosts', [...without(':authority'), ['host', 'a'], ['host', 'a']]],
    ['a pseudo-header field twice', [[':path', '/'], ...good]],
    ['a pseudo-header field behind another', [...good, ['x', 'y'], [':path', '/']]],
    ['a pseudo-header field of answers', [[':status', '200'], ...good]],
    ['an unknown pseudo-header field', [[':protocol', 'websocket'], ...good]],
    ['connection', [...good, ['connection', 'close']]],
    ['transfer-encoding', [...good, ['transfer-encoding', 'chunked']]],
    ['upgrade', [...good, ['upgrade', 'h2c']]],
    ['te: gzip', [...good, ['te', 'gzip']]],
    ['two lengths', [...good, ['content-length', '0'], ['content-length', '0']]],
    ['a length that is none', [...good, ['content-length', '+1']]],
    ['a name in capitals', [...good, ['X', 'y']]],
    ['a line end in a value', [...good, ['x', 'a\r\nb']]],
    [
      'CONNECT',
      [
        [':method', 'CONNECT'],
        [':authority', 'a:80'],
      ],
    ],
  ])('%s', (_name, fields) => {
    const server = new MemoryServer(answering())
    const client = server.connect(settings(), head(1, fields), getRoot(3))
    expect(client.told).toEqual(['RST_STREAM 1 PROTOCOL_ERROR', ...answered(3)])
  })

  test('the same block is what it was before as long as the table is', () => {
    const paths: string[] = []
    const server = new MemoryServer((stream) => {
      paths.push(stream.head.path)
      stream.respond([[':status', '204']], true)
    })
    // :path /x with indexing is entry 62 of both tables from then on; then /y is.
    const indexing = (path: string): Buffer => Buffer.from([0x82, 0x86, 0x44, path.length, ...Buffer.from(path)])
    const byIndex = Buffer.from([0x82, 0x86, 0xbe])
    const client = server.connect(settings())
    const blocks = [indexing('/x'), byIndex, byIndex, indexing('/y'), byIndex, byIndex, indexing('/x'), byIndex]
    for (const [at, block] of blocks.entries()) client.send(frame(1, 5, 2 * at + 1, block))
    expect(paths).toEqual(['/x', '/x', '/x', '/y', '/y', '/y', '/x', '/x'])
    expect(client.told.length).toBe(blocks.length)
  })
})
