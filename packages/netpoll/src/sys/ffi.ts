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

/** Undefined where `node:ffi` can be used, else why not: a clause that ends a sentence. */
export function whyNoFfi(): string | undefined {
  const ffi = loadFfi()
  if (ffi === undefined) {
    const off = process.execArgv.includes('--no-experimental-ffi')
    return off
      ? 'node:ffi is switched off by --no-experimental-ffi'
      : `node:ffi is missing in Node ${process.versions.node}; it came with 26.1`
  }
  try {
    new ffi.DynamicLibrary(null).close()
    return undefined
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ERR_ACCESS_DENIED') return "node:ffi is forbidden by Node's permission model; --allow-ffi allows it"
    return `node:ffi cannot be used: ${message}`
  }
}
