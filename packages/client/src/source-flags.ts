/**
 * The flags that a thread or a process of ours needs in order to resolve `@qps/*` as this one does: to sources where the
 * sources run, to compiled code where the compiled code does. Nothing of `process.execArgv` is handed on: a program that
 * was given by `--eval` would start itself again, in its own child, without end.
 *
 * @param ownUrl `import.meta.url` of the caller.
 */
export function sourceFlags(ownUrl: string): string[] {
  return ownUrl.endsWith('.ts') ? ['--conditions=@qps/source'] : []
}
