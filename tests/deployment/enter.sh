#!/bin/sh
# Enters an image whose files lie in a folder, over a base of which it has /usr and /etc. Runs in a mount namespace of its own.
#   enter.sh build ROOT BASE PROGRAM…                       as root; what is written stays in ROOT
#   enter.sh run ROOT BASE DATA VOLUME USER PROGRAM…        as USER; nothing can be written but DATA, at VOLUME, and /tmp
set -eu
mode=$1 root=$2 base=${3%/}
shift 3
view=$root.view
mkdir -p "$view" "$root.work/usr" "$root.work/etc"

mount --bind "$root" "$view"
if [ "$mode" = build ]; then
  for name in usr etc; do
    mount -t overlay overlay -o "lowerdir=$base/$name,upperdir=$root/$name,workdir=$root.work/$name" "$view/$name"
  done
  # npm's settings and its cache, which the Dockerfile mounts as well.
  mount --bind "${HOME:-/root}" "$view/root"
  user=0:0
else
  data=$1 volume=$2 user=$3
  shift 3
  mount -o remount,bind,ro "$view"
  for name in usr etc; do
    mount -t overlay overlay -o "lowerdir=$root/$name:$base/$name" "$view/$name"
  done
  mount --bind "$data" "$view$volume"
fi
mount -t tmpfs -o mode=1777 tmpfs "$view/tmp"
mount -t proc proc "$view/proc" 2>/dev/null || mount --rbind /proc "$view/proc"
mount --rbind /dev "$view/dev"
export HOME=/root
[ "$mode" = build ] || unset HOME
exec chroot --userspec="$user" --groups= "$view" "$@"
