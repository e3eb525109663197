import { type Field, Http3Failure, readRequestHead, readResponseHead } from '@qps/quic'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

const line = (text: string): Field[] =>
  text.split('|').map((field) => {
    const [, name, value] = /^(:?[^:]*):([^]*)$/.exec(field)!
    return [name!, value!] as const
  })
const get = ':method:GET|:scheme:https|:authority:a.example|:path:/'

describe('the head of a request', () => {
  test('is what it says', () => {
    expect(readRequestHead(line(`${get}?q|te:trailers|content-length:12|x:1|x:2`))).toEqual({
      method: 'GET',
      scheme: 'https',
      authority: 'a.example',
      path: '/?q',
      fields: [
        ['te', 'trailers'],
        ['content-length', '12'],
        ['x', '1'],
        ['x', '2'],
      ],
      contentLength: 12,
    })
  })

  test('may name its authority as Host, and options of the server as a whole', () => {
    expect(readRequestHead(line(':method:OPTIONS|:scheme:https|:path:*|host:a')).authority).toBe('a')
    expect(readRequestHead(line(':method:CONNECT|:authority:a:443')).path).toBe('')
  })

  test.each([
    ['no method', ':scheme:https|:authority:a|:path:/'],
    ['a method that is no token', ':method:G T|:scheme:https|:authority:a|:path:/'],
    ['no scheme', ':method:GET|:authority:a|:path:/'],
    ['no path', ':method:GET|:scheme:https|:authority:a'],
    ['an empty path', ':method:GET|:scheme:https|:authority:a|:path:'],
    ['a path without a slash', ':method:GET|:scheme:https|:authority:a|:path:x'],
    ['no authority', ':method:GET|:scheme:https|:path:/'],
    ['an authority that is none', ':method:GET|:scheme:https|:authority:a b|:path:/'],
    ['two authorities', `${get}|host:b`],
    ['two hosts', ':method:GET|:scheme:https|:path:/|host:a|host:b'],
    ['a method twice', `:method:GET|${get}`],
    ['a status', `${get}|:status:200`],
    ['an unknown pseudo-header field', `${get}|:protocol:websocket`],
    ['a pseudo-header field behind others', ':method:GET|:scheme:https|x:1|:authority:a|:path:/'],
    ['a name in capitals', `${get}|X-Y:1`],
    ['a name with a blank', `${get}|x y:1`],
    ['an empty name', `${get}|:1`],
    ['a line end in a value', `${get}|x:a\r\ny: b`],
    ['NUL in a value', `${get}|x:a\0b`],
    ['a blank in front of a value', `${get}|x: a`],
    ['a blank behind a value', `${get}|x:a\t`],
    ['Connection', `${get}|connection:close`],
    ['Transfer-Encoding', `${get}|transfer-encoding:chunked`],
    ['Upgrade', `${get}|upgrade:h2c`],
    ['TE', `${get}|te:gzip`],
    ['a length that is no number', `${get}|content-length:1x`],
    ['a length below zero', `${get}|content-length:-1`],
    ['two lengths', `${get}|content-length:1|content-length:2`],
    ['CONNECT with a path', ':method:CONNECT|:authority:a|:path:/'],
  ])('with %s is H3_MESSAGE_ERROR, which costs the stream alone', (_, text) => {
    expect(() => readRequestHead(line(text))).toThrow(expect.objectContaining({ code: 0x10e, isOfStream: true }))
  })

  test('of any fields is one or is refused, and nothing else', () => {
    const name = fc.oneof(fc.constantFrom(':method', ':scheme', ':authority', ':path', 'host', 'te'), fc.string())
    fc.assert(
      fc.property(fc.array(fc.tuple(name, fc.string()), { maxLength: 8 }), (fields) => {
        try {
          readRequestHead(fields)
        } catch (error) {
          expect(error).toBeInstanceOf(Http3Failure)
        }
      }),
      { numRuns: 2000 },
    )
  })
})

describe('the head of an answer', () => {
  test('is what it says', () => {
    const fields = line(':status:204|x:1')
    expect(readResponseHead(fields)).toEqual({ status: 204, fields: [['x', '1']], contentLength: undefined })
  })

  test.each(['x:1', ':status:99', ':status:101', ':status:2x0', ':status:200|:path:/', ':status:200|:status:200'])(
    '%s is none',
    (text) => expect(() => readResponseHead(line(text))).toThrow('H3_MESSAGE_ERROR'),
  )
})
