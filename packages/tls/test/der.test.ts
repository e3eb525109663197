import { expect, test } from 'vitest'
import { bitString, element, integer, namedBits, objectIdentifier, sequence, time } from '../src/authority/der.ts'

const hex = (bytes: Buffer): string => bytes.toString('hex')

test('a length takes its short form up to 127 and as few bytes as do above', () => {
  expect(hex(element(4, Buffer.alloc(127)).subarray(0, 2))).toBe('047f')
  expect(hex(element(4, Buffer.alloc(128)).subarray(0, 3))).toBe('048180')
  expect(hex(element(4, Buffer.alloc(256)).subarray(0, 4))).toBe('04820100')
  expect(hex(sequence())).toBe('3000')
})

test('an integer is minimal and not negative', () => {
  expect(hex(integer(0))).toBe('020100')
  expect(hex(integer(127))).toBe('02017f')
  expect(hex(integer(128))).toBe('02020080')
  expect(hex(integer(Buffer.of(0, 0, 1, 0)))).toBe('02020100')
})

test('an object identifier has seven bits to a byte', () => {
  expect(hex(objectIdentifier('1.2.840.10045.4.3.2'))).toBe('06082a8648ce3d040302')
  expect(hex(objectIdentifier('2.5.29.17'))).toBe('0603551d11')
})

test('bits that are named end at the last one', () => {
  expect(hex(namedBits(0))).toBe('03020780')
  expect(hex(namedBits(5, 6))).toBe('03020106')
  expect(hex(bitString(Buffer.of(0xaa)))).toBe('030200aa')
})

test('a time has two digits for the year through 2049, four after it', () => {
  expect(time(Date.UTC(2049, 11, 31, 23, 59, 59, 999)).toString('latin1', 2)).toBe('491231235959Z')
  expect(time(Date.UTC(2050, 0, 1)).toString('latin1', 2)).toBe('20500101000000Z')
  expect(() => time(Date.UTC(1949, 0, 1))).toThrow('1950')
})
