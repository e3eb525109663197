/**
 * The URL of a module beside this one, for `new Worker` and child processes: `.ts` when the sources run, `.js` when the
 * compiled code does. A static import needs no such help; only entry points named by path do.
 *
 * @example new Worker(siblingModule(import.meta.url, './worker'))
 */
export function siblingModule(ownUrl: string, path: string): URL {
  const extension = ownUrl.slice(ownUrl.lastIndexOf('.'))
  return new URL(path + extension, ownUrl)
}

/**
 * The flags that a thread or a process of ours needs in order to resolve `@qps/*` as this one does: to sources where the
 * sources run, to compiled code where the compiled code does. Nothing of `process.execArgv` is handed on: a program that was
 * given by `--eval` would start itself again, in its own child, without end.
 *
 * @param ownUrl `import.meta.url` of the caller.
 */
export function sourceFlags(ownUrl: string): string[] {
  return ownUrl.endsWith('.ts') ? ['--conditions=@qps/source'] : []
}
