import { expect, test } from 'vitest'
import { placeOf } from '../src/places.ts'

const at = (functionName: string, url: string): unknown =>
  placeOf({ functionName, url, lineNumber: 4, columnNumber: 0 }, '/project')

test.each([
  ['file:///project/packages/x/src/y.ts', 'packages/x/src/y.ts', 'ours'],
  ['/project/tools/z.cjs', 'tools/z.cjs', 'ours'],
  ['file:///elsewhere/y.ts', '/elsewhere/y.ts', 'ours'],
  ['file:///project-of-others/y.ts', '/project-of-others/y.ts', 'ours'],
  ['file:///project/node_modules/fastify/fastify.js', 'node_modules/fastify/fastify.js', 'dependency'],
  ['/elsewhere/node_modules/a/b.js', '/elsewhere/node_modules/a/b.js', 'dependency'],
  ['node:internal/streams/writable', 'node:internal/streams/writable', 'node'],
])('%s', (url, file, kind) => {
  expect(at('work', url)).toEqual({ name: 'work', file, line: 5, kind })
})

test('what has no source is named as the language names it, where that is one thing', () => {
  expect(at('stringify', '')).toEqual({ name: 'JSON.stringify', file: '', line: 0, kind: 'V8' })
  // Strings, arrays and typed arrays have one.
  expect(at('slice', '')).toEqual({ name: 'slice', file: '', line: 0, kind: 'V8' })
  expect(at('(garbage collector)', '')).toEqual({ name: '(garbage collector)', file: '', line: 0, kind: 'V8' })
  // Node's own native functions.
  expect(at('writeLatin1String', '')).toEqual({ name: 'writeLatin1String', file: '', line: 0, kind: 'node' })
})

test('a function without a name is called so, and a script without a file keeps a short name', () => {
  expect(at('', 'file:///project/a.ts')).toMatchObject({ name: '(anonymous)' })
  expect(at('x', `data:text/javascript,${'y'.repeat(500)}`)).toMatchObject({ kind: 'ours' })
  expect((at('x', `data:text/javascript,${'y'.repeat(500)}`) as { file: string }).file).toHaveLength(80)
})
