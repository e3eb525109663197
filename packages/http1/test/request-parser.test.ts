import { httpLimits, isValidHost, methods } from '@qps/http-contract'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isHost } from '../src/header-bytes.ts'
import { headComplete, headFailed, headIncomplete, RequestParser } from '../src/request-parser.ts'
import { bytesOf, readRequests, type Reading } from './request-reading.ts'
import { chunkedPost, goodRequests, plain, post, refusedRequests } from './request-samples.ts'

const readText = (text: string, cuts?: number[]): Reading => readRequests(bytesOf(text), cuts)
const failureOf = (text: string): string | undefined => readText(text).failure

describe('reads', () => {
  test.each(Object.entries(goodRequests))('%s', (_name, [text, ...requests]) => {
    const reading = readText(text)
    expect(reading.failure).toBeUndefined()
    expect(reading.incomplete).toBe(false)
    expect(reading.requests).toEqual(requests.map((request) => ({ ...plain, ...request })))
  })

  test.each(methods.filter((method) => method !== 'CONNECT'))('the method %s', (method) => {
    expect(readText(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`).requests).toMatchObject([{ method }])
  })
})

describe('refuses', () => {
  test.each(refusedRequests)('%s', (_name, failure, text) => {
    const reading = readText(`${text}GET / HTTP/1.1\r\nHost: a\r\n\r\n`)
    expect(reading.failure).toEqual(failure ?? expect.any(String))
    expect(reading.requests).toEqual([])
  })

  test('each control character in a name, a value, a target, a trailer', () => {
    for (let byte = 0; byte < 0x20; byte++) {
      const character = String.fromCharCode(byte)
      expect(failureOf(`GET /${character} HTTP/1.1\r\nHost: a\r\n\r\n`), `target ${byte}`).toBe('malformed')
      expect(failureOf(post(`X${character}: 1\r\n`)), `name ${byte}`).toBe('malformed')
      if (character === '\t') continue
      expect(failureOf(post(`X: a${character}b\r\n`)), `value ${byte}`).toBe('malformed')
      expect(failureOf(chunkedPost(`0\r\nX: a${character}b\r\n\r\n`)), `trailer ${byte}`).toBe('malformed')
    }
  })

  test('the same hosts as the string check of the contract', () => {
    const compare = (host: string): void => {
      if (isHost(bytesOf(host), 0, host.length) !== isValidHost(host)) expect.fail(JSON.stringify(host))
    }
    for (let byte = 0; byte < 256; byte++) {
      const character = String.fromCharCode(byte)
      for (const host of [character, `a${character}`, `[1${character}]`, `a:${character}`]) compare(host)
    }
    for (const host of ['a:65535', 'a:123456', '[::1]:65535', '[::1]:123456']) compare(host)
    // One of each kind, in every order.
    const kinds = [...'aG1.[]:/']
    let hosts = ['']
    for (let length = 0; length <= 5; length++) {
      hosts.forEach(compare)
      hosts = hosts.flatMap((host) => kinds.map((kind) => host + kind))
    }
  })

  test('nothing is read behind a failure until the parser is reset', () => {
    const parser = new RequestParser(httpLimits)
    const bad = bytesOf('GET / HTTP/1.1\r\n\r\n')
    const fine = bytesOf('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    expect(parser.parseHead(bad, 0, bad.length)).toBe(headFailed)
    expect(parser.parseHead(fine, 0, fine.length)).toBe(headFailed)
    expect(parser.readBody(fine, 3, fine.length)).toBe(3)
    expect(parser.failure).toBe('host')
    parser.reset()
    expect(parser.failure).toBeUndefined()
    expect(parser.parseHead(fine, 0, fine.length)).toBe(headComplete)
    expect(parser.parseHead(fine, 0, fine.length)).toBe(headComplete)
  })
})

describe('limits', () => {
  const limits = { headerBytesMax: 200, headerFieldsMax: 5, bodyBytesMax: 10 }
  const read = (text: string): string => {
    const { requests, failure, incomplete } = readRequests(bytesOf(text), [], limits)
    return failure ?? (incomplete ? 'incomplete' : `${requests.length} read`)
  }
  const padded = (bytes: number, fields = ''): string => {
    const head = `GET / HTTP/1.1\r\nHost: a\r\n${fields}X: `
    return `${head}${'x'.repeat(bytes - head.length - 4)}\r\n\r\n`
  }
  const fields = (count: number): string => 'X: 1\r\n'.repeat(count)
  const chunked = (body: string): string => chunkedPost(body)
  const headBytes = chunked('').length

  test('a head of exactly the limit passes, one byte more does not, wherever it is', () => {
    expect(read(padded(200))).toBe('1 read')
    expect(read(padded(201))).toBe('header-bytes')
    expect(read(`\r\n${padded(198)}`)).toBe('1 read')
    expect(read(`\r\n${padded(199)}`)).toBe('header-bytes')
    expect(read('\r\n'.repeat(101))).toBe('header-bytes')
    expect(read(`GET /${'x'.repeat(200)}`)).toBe('header-bytes')
    expect(read(padded(200).slice(0, -1))).toBe('incomplete')
  })

  test('fields, counted with trailers', () => {
    expect(read(post(fields(4)))).toBe('1 read')
    expect(read(post(fields(5)))).toBe('header-fields')
    expect(read(post(`${fields(4)}Y`))).toBe('header-fields')
    expect(read(post(`Transfer-Encoding: chunked\r\n${fields(1)}`, `0\r\n${fields(2)}\r\n`))).toBe('1 read')
    expect(read(post(`Transfer-Encoding: chunked\r\n${fields(1)}`, `0\r\n${fields(3)}\r\n`))).toBe('header-fields')
  })

  test('chunk extensions and trailers share the bytes of the header section', () => {
    const room = limits.headerBytesMax - headBytes
    const extension = (bytes: number): string => `;${'e'.repeat(bytes - 1)}`
    expect(read(chunked(`1${extension(room - 2)}\r\na\r\n0\r\n\r\n`))).toBe('1 read')
    expect(read(chunked(`1${extension(room - 1)}\r\na\r\n0\r\n\r\n`))).toBe('header-bytes')
    expect(read(chunked(`1${extension(room + 1)}`))).toBe('header-bytes')
    expect(read(chunked(`1;a\r\na\r\n1;b\r\nb\r\n0\r\nX: ${'x'.repeat(room - 11)}\r\n\r\n`))).toBe('1 read')
    expect(read(chunked(`1;a\r\na\r\n1;b\r\nb\r\n0\r\nX: ${'x'.repeat(room - 10)}\r\n\r\n`))).toBe('header-bytes')
    expect(read(chunked(`0\r\nX: ${'x'.repeat(room)}`))).toBe('header-bytes')
  })

  test('content', () => {
    expect(read(post('Content-Length: 10\r\n', 'x'.repeat(10)))).toBe('1 read')
    expect(read(post('Content-Length: 11\r\n'))).toBe('body')
    expect(read(post('Content-Length: 9007199254740991\r\n'))).toBe('body')
    expect(read(chunked(`a\r\n${'x'.repeat(10)}\r\n0\r\n\r\n`))).toBe('1 read')
    expect(read(chunked('b\r\n'))).toBe('body')
    expect(read(chunked(`9\r\n${'x'.repeat(9)}\r\n2\r\n`))).toBe('body')
    expect(read(chunked(`${'f'.repeat(16)}\r\n`))).toBe('body')
  })

  test('the defaults are those of node:http where it has any', () => {
    const ask = (fields: string): string | undefined => failureOf(post(fields))
    expect(ask(fields(99))).toBeUndefined()
    expect(ask(fields(100))).toBe('header-fields')
    expect(ask(`X: ${'x'.repeat(15_000)}\r\n`)).toBeUndefined()
    expect(ask(`X: ${'x'.repeat(16_500)}\r\n`)).toBe('header-bytes')
    expect(ask(`${'x'.repeat(16_500)}: 1\r\n`)).toBe('header-bytes')
    expect(failureOf(`GET /${'x'.repeat(16_500)} HTTP/1.1\r\nHost: a\r\n\r\n`)).toBe('header-bytes')
  })

  test.each([{ headerBytesMax: 0 }, { headerFieldsMax: 1.5 }, { bodyBytesMax: Infinity }, { headerBytesMax: 2 ** 31 }])(
    '%o is no limit',
    (wrong) => {
      expect(() => new RequestParser({ ...httpLimits, ...wrong })).toThrow(
        expect.objectContaining({ code: 'QPS_OPTION' }),
      )
    },
  )
})

describe('however the input is cut', () => {
  const inputs = [...Object.values(goodRequests).map(([text]) => text), ...refusedRequests.map(([, , text]) => text)]

  test('in two, at every position', () => {
    for (const text of inputs) {
      const whole = readText(text)
      for (let cut = 0; cut <= text.length; cut++) expect(readText(text, [cut]), `${cut} of ${text}`).toEqual(whole)
    }
  })

  test('into bytes', () => {
    for (const text of inputs) {
      expect(readText(text, [...Array(text.length).keys()]), text).toEqual(readText(text))
    }
  })

  test('at random, several requests in a row', () => {
    const stream = fc.array(fc.constantFrom(...inputs), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(stream, fc.array(fc.double({ min: 0, max: 1, noNaN: true })), (texts, fractions) => {
        const text = texts.join('')
        const cuts = fractions.map((fraction) => Math.round(fraction * text.length)).toSorted((a, b) => a - b)
        expect(readText(text, cuts)).toEqual(readText(text))
      }),
      { numRuns: 1_000 },
    )
  })

  test('at the limits', () => {
    const limits = { headerBytesMax: 90, headerFieldsMax: 3, bodyBytesMax: 10 }
    for (const text of inputs) {
      const whole = readRequests(bytesOf(text), [], limits)
      for (let cut = 0; cut <= text.length; cut++) {
        expect(readRequests(bytesOf(text), [cut], limits), `${cut} of ${text}`).toEqual(whole)
      }
    }
  })

  test('a head that comes byte by byte is incomplete until its last byte', () => {
    const parser = new RequestParser(httpLimits)
    const bytes = bytesOf(post(`X: ${'x'.repeat(10_000)}\r\n`))
    for (let end = 0; end < bytes.length; end++) expect(parser.parseHead(bytes, 0, end)).toBe(headIncomplete)
    expect(parser.parseHead(bytes, 0, bytes.length)).toBe(headComplete)
  })
})

describe('what was generated is what is read', () => {
  const token = fc.string({
    unit: fc.constantFrom(..."abcXYZ019!#$%&'*+-.^_`|~"),
    minLength: 1,
    maxLength: 12,
  })
  const inner = fc.constantFrom(...'abc 019\t:;,="\\\xe9\xff')
  const value = fc.string({ unit: inner, maxLength: 20 }).map((text) => text.replace(/^[ \t]+|[ \t]+$/g, ''))
  const blanks = fc.string({ unit: fc.constantFrom(' ', '\t'), maxLength: 3 })
  const special = /^(?:host|expect|connection|content-length|transfer-encoding)$/i
  const field = fc.tuple(
    token.filter((name) => !special.test(name)),
    value,
    blanks,
    blanks,
  )
  const text = fc.string({ unit: fc.constantFrom(...'ab/.%20~!$&\'()*+,;=:@"<>[]^`{|}'), maxLength: 20 })
  const chunk = fc.string({ unit: fc.constantFrom(...'abc\r\n0;'), minLength: 1, maxLength: 30 })
  const request = fc.record({
    method: fc.constantFrom(...methods.filter((method) => method !== 'CONNECT')),
    path: text,
    query: fc.option(text),
    fields: fc.array(field, { maxLength: 40 }),
    trailers: fc.array(field, { maxLength: 5 }),
    chunks: fc.array(chunk, { maxLength: 4 }),
    chunked: fc.boolean(),
    hostAt: fc.nat(40),
  })
  type Generated = typeof request extends fc.Arbitrary<infer T> ? T : never

  const lines = (fields: Generated['fields']): string =>
    fields.map(([name, of, before, behind]) => `${name}:${before}${of}${behind}\r\n`).join('')
  const targetOf = ({ path, query }: Generated): string => `/${path}${query === null ? '' : `?${query}`}`

  function fieldsOf({ fields, hostAt, chunked, chunks }: Generated): Generated['fields'] {
    const framing: [string, string, string, string] = chunked
      ? ['Transfer-Encoding', 'chunked', ' ', '']
      : ['Content-Length', String(chunks.join('').length), '', ' ']
    const all = [...fields, framing]
    return all.toSpliced(hostAt, 0, ['hOsT', 'example.org:80', ' ', '\t'])
  }

  function write(generated: Generated): string {
    const { method, chunked, chunks, trailers } = generated
    const body = chunked
      ? `${chunks.map((of) => `${of.length.toString(16)}\r\n${of}\r\n`).join('')}0\r\n${lines(trailers)}\r\n`
      : chunks.join('')
    return `${method} ${targetOf(generated)} HTTP/1.1\r\n${lines(fieldsOf(generated))}\r\n${body}`
  }

  const pairs = (fields: Generated['fields']): [string, string][] => fields.map(([name, of]) => [name, of])

  test('one after the other, cut at random', () => {
    const requests = fc.array(request, { minLength: 1, maxLength: 3 })
    fc.assert(
      fc.property(requests, fc.array(fc.nat(2_000), { maxLength: 6 }), (generated, wild) => {
        const input = generated.map(write).join('')
        const cuts = wild.filter((cut) => cut < input.length).toSorted((a, b) => a - b)
        const reading = readText(input, cuts)
        expect(reading.failure).toBeUndefined()
        expect(
          reading.requests.map(({ method, target, path, fields, body, trailers }) => [
            method,
            target,
            path,
            fields,
            body,
            trailers,
          ]),
        ).toEqual(
          generated.map((one) => [one.method, targetOf(one), `/${one.path}`, pairs(fieldsOf(one)), one.chunks.join(''), one.chunked ? pairs(one.trailers) : []]), // prettier-ignore
        )
      }),
      { numRuns: 500 },
    )
  })
})
