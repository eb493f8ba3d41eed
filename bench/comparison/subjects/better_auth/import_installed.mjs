/**
 * Imports a package that is installed beside the copy of this file that runs. The root of the repository has none of them, and its checks
 * look there for what an `import` names.
 */
export function importInstalled(name) {
  return import(name)
}
