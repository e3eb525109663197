import * as bytes from '@qps/bytes'
import { expectReadmeExample } from '@qps/testkit'
import { expect, test } from 'vitest'

test('the export names are these', () => {
  expect(Object.keys(bytes).toSorted()).toEqual([
    'ByteReader',
    'ByteWriter',
    'InternTable',
    'LateText',
    'Parts',
    'RetentionWatch',
    'byteTable',
    'decimalBytes',
    'detach',
    'detachText',
    'equalsAscii',
    'equalsIgnoringCase',
    'findByte',
    'fixedBytes',
    'hexBytes',
    'internDefaults',
    'isAscii',
    'jsonStringBytes',
    'keyedHash',
    'latin1Bytes',
    'latin1Text',
    'parseDecimal',
    'parseHex',
    'partsDefaults',
    'retention',
    'utf8Bytes',
    'utf8Text',
    'watchDefaults',
    'writeDecimal',
    'writeFixed',
    'writeHex',
    'writeJsonString',
    'writeLatin1',
    'writeUtf8',
  ])
})

test("the README's example prints what it says", () => expectReadmeExample(new URL('../README.md', import.meta.url)))
