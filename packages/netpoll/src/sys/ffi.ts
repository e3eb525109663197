import type * as Ffi from 'node:ffi'

type FfiModule = typeof Ffi

let loaded: FfiModule | undefined

/**
 * The module `node:ffi`, or undefined where this Node has none (before 26.1) or was started without the right to use it.
 *
 * Loading it prints an ExperimentalWarning. Its users know from this package's README that it is experimental; a server
 * that says so at every start only teaches people to overlook warnings. So this one warning is left out, no other.
 */
export function loadFfi(): FfiModule | undefined {
  if (loaded !== undefined) return loaded
  const emitWarning = process.emitWarning
  process.emitWarning = ((warning: string | Error, ...rest: unknown[]): void => {
    if (!String(warning).includes('FFI is an experimental feature'))
      Reflect.apply(emitWarning, process, [warning, ...rest])
  }) as typeof process.emitWarning
  try {
    loaded = process.getBuiltinModule('node:ffi') as FfiModule | undefined
  } catch {
    loaded = undefined
  } finally {
    process.emitWarning = emitWarning
  }
  return loaded
}
