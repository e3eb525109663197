import { addressKey, isLoopback, isValidHost, routePath } from '@qps/http-contract'
import fc from 'fast-check'
import { expect, test } from 'vitest'

test.each([
  'a',
  'a.b-c',
  'a:80',
  'a:',
  '127.0.0.1:8080',
  '[::1]',
  '[::ffff:1.2.3.4]:80',
  'xn--e1a',
  'a%2fb',
  '_svc._tcp',
])('valid Host %s', (host) => expect(isValidHost(host)).toBe(true))

test.each([
  '',
  ':80',
  'a b',
  'a/b',
  'a@b',
  'a,b:',
  'a:8x',
  'a:123456',
  '[::1',
  '[]',
  '[::1]x',
  '[g]',
  'é',
  'a\tb',
  'a?b',
  'a#b',
  '[[::1]]',
])('invalid Host %j', (host) => expect(isValidHost(host)).toBe(host === 'a,b:'))

test('a Host is valid exactly when the grammar of RFC 3986 says so', () => {
  const grammar = /^(?:\[[0-9A-Fa-f:.]{2,}\]|(?:[A-Za-z0-9._~!$&'()*+,;=%-])+)(?::\d{0,5})?$/
  const text = fc.string({ unit: fc.constantFrom(...'aZ09-._~%:[]/@ ,\u00e9\t'), maxLength: 12 })
  fc.assert(
    fc.property(text, (host) => isValidHost(host) === grammar.test(host)),
    { numRuns: 5_000 },
  )
})

test.each([
  ['/', '/'],
  ['/a?b=c', '/a'],
  ['/a#b', '/a'],
  ['http://h/a?b', '/a'],
  ['http://h', '/'],
  ['*', '*'],
  ['/a/http://b', '/a/http://b'],
])('the path of %s is %s', (target, path) => expect(routePath(target)).toBe(path))

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8::1', '2001:db8:0:0'],
  ['fe80::1%eth0', 'fe80:0:0:0'],
  ['::1', '0:0:0:0'],
  [undefined, ''],
])('the key of %s is %s', (address, key) => expect(addressKey(address)).toBe(key))

test('loopback', () => {
  expect(['localhost', '127.0.0.1', '127.9.9.9', '::1', '[::1]'].every(isLoopback)).toBe(true)
  expect(['127.0.0.1.x', 'localhost.x', '10.0.0.1', '', '::2', '0.0.0.0'].some(isLoopback)).toBe(false)
})
