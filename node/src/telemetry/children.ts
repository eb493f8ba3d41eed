/** Makes the thing of each label once, so that a request builds nothing. Labels are few, and known to our code. */
export function childOf<Child>(make: (label: string) => Child): (label: string) => Child {
  const children = new Map<string, Child>()
  return (label) => {
    const known = children.get(label)
    if (known !== undefined) return known
    const child = make(label)
    children.set(label, child)
    return child
  }
}
