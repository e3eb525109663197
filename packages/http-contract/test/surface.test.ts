import { echoTypeOf, methods, plaintext, problems, statusBody, surface, surfaceAnswer } from '@qps/http-contract'
import { expect, test } from 'vitest'

test('every row of the surface is found by path and method', () => {
  for (const { path, methods: accepted, answer } of surface) {
    for (const method of accepted) expect(surfaceAnswer(method, path), `${method} ${path}`).toBe(answer)
  }
})

test.each(['/?x=1', '/#there', 'http://example.org', 'http://example.org/?x'])(
  'the target %s is the path /',
  (target) => expect(surfaceAnswer('GET', target)).toBe('status'),
)

test.each(['/nowhere', '/echo/', '//', '', '*', '/__proto__', '/constructor', '__proto__'])(
  'the path %j is not there, by any method',
  (path) => {
    for (const method of ['GET', 'POST', 'TRACE']) {
      expect(surfaceAnswer(method, path)).toEqual({ problem: problems.notFound, fields: [] })
    }
  },
)

test.each([
  ['/plaintext', 'POST', 'GET, HEAD'],
  ['/', 'OPTIONS', 'GET, HEAD, POST, PUT, PATCH, DELETE'],
  ['/', 'get', 'GET, HEAD, POST, PUT, PATCH, DELETE'],
  ['/', 'toString', 'GET, HEAD, POST, PUT, PATCH, DELETE'],
  ['/', '', 'GET, HEAD, POST, PUT, PATCH, DELETE'],
])('%s does not take %j, and says what it takes', (path, method, allow) => {
  const refusal = { problem: problems.methodNotAllowed, fields: [['allow', allow]] }
  expect(surfaceAnswer(method, path)).toEqual(refusal)
})

test('/echo takes every method that asks for a resource: CONNECT asks for a tunnel', () => {
  expect(methods.filter((method) => surfaceAnswer(method, '/echo') !== 'echo')).toEqual(['CONNECT'])
})

test.each([
  ['text/html', 'text/html'],
  ['text/html ; charset=utf-8', 'text/html ; charset=utf-8'],
  ['nonsense', 'application/octet-stream'],
  ['a b/c', 'application/octet-stream'],
  ['a/b c', 'application/octet-stream'],
  ['', 'application/octet-stream'],
  [undefined, 'application/octet-stream'],
])('an echo of %j is %s', (type, expected) => expect(echoTypeOf(type)).toBe(expected))

test('the bodies are what JSON and text readers expect', () => {
  expect(JSON.parse(statusBody(1_767_225_600_000))).toEqual({ status: 'ok', ts: 1_767_225_600_000 })
  expect(plaintext).toBe('Hello, World!')
})
