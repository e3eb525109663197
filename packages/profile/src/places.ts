import { isAbsolute, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { CallFrame } from './v8-formats.ts'

/** Whose code it is: this project's, a package's, Node's (JavaScript and native), or V8's own. */
export type FrameKind = 'ours' | 'dependency' | 'node' | 'V8'

/** A function as people look for it. */
export interface Place {
  name: string
  /** Relative to the project, or `node:…`; empty where there is no source. */
  file: string
  /** Where the function begins, from 1; 0 where there is no source. */
  line: number
  kind: FrameKind
}

/**
 * Puts a frame of V8's into people's words.
 *
 * @param root the project's folder; files below it are named relative to it.
 */
export function placeOf(frame: CallFrame, root: string): Place {
  const { functionName, url } = frame
  if (url === '') {
    if (functionName.startsWith('(')) return { name: functionName, file: '', line: 0, kind: 'V8' }
    const name = builtins.get(functionName)
    return { name: name || functionName || anonymous, file: '', line: 0, kind: name === undefined ? 'node' : 'V8' }
  }
  const file = fileOf(url, root)
  return { name: functionName || anonymous, file, line: frame.lineNumber + 1, kind: kindOf(file) }
}

const anonymous = '(anonymous)'

function fileOf(url: string, root: string): string {
  const path = url.startsWith('file://') ? fileURLToPath(url) : url
  if (!isAbsolute(path)) return path.length > 80 ? `${path.slice(0, 79)}…` : path
  const inside = relative(root, path)
  return inside.startsWith(`..${sep}`) ? path : inside
}

function kindOf(file: string): FrameKind {
  if (file.startsWith('node:')) return 'node'
  return file.split(sep).includes('node_modules') ? 'dependency' : 'ours'
}

/**
 * The language's own functions by the bare name that V8 gives: `stringify` → `JSON.stringify`. A name that several objects
 * have, such as `slice`, stays as it is, as an empty string here.
 */
const builtins: ReadonlyMap<string, string> = namesOf(
  `Array ArrayBuffer Atomics BigInt DataView Date Error Function Intl Iterator JSON Map Math Number Object Promise Proxy Reflect
  RegExp Set String Symbol TypedArray WeakMap WeakRef WeakSet`.split(/\s+/),
)

function namesOf(owners: readonly string[]): Map<string, string> {
  const names = new Map<string, string>()
  const add = (object: object, prefix: string): void => {
    for (const [key, { value }] of Object.entries(Object.getOwnPropertyDescriptors(object))) {
      if (typeof value === 'function' && key !== 'constructor') names.set(key, names.has(key) ? '' : `${prefix}.${key}`)
    }
  }
  for (const owner of owners) {
    const object: unknown = owner === 'TypedArray' ? Object.getPrototypeOf(Uint8Array) : Reflect.get(globalThis, owner)
    if ((typeof object !== 'object' && typeof object !== 'function') || object === null) continue
    add(object, owner)
    const prototype: unknown = Reflect.get(object, 'prototype')
    if (typeof prototype === 'object' && prototype !== null) add(prototype, `${owner}.prototype`)
  }
  return names
}
