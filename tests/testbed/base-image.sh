#!/usr/bin/env bash
# A base image for dynamically linked programs, built from Debian packages: no shell, no package manager, a user who is
# not root. It replaces a public base image where no registry can be reached.
#
#   base-image.sh FOLDER    writes FOLDER/base-KEY.tar (an OCI archive) and prints its path; KEY is a hash of the
#                           packages' versions and this script, so that each is built once
set -euo pipefail
folder=$(realpath "${1:?usage: base-image.sh FOLDER}")
packages=(libc6 libgcc-s1 ca-certificates tzdata netbase)

# The names and checksums of the packages to download.
list_packages() { apt-get download --print-uris "${packages[@]}" 2>/dev/null | awk '{print $2, $4}' | sort; }
is_complete() { (($(grep -c SHA256 <<<"$1") == ${#packages[@]})); }

list=$(list_packages) || true
if ! is_complete "$list"; then # no package lists yet
  apt-get --quiet --option DPkg::Lock::Timeout=600 update >&2
  list=$(list_packages) || true
  is_complete "$list" || {
    echo "base-image.sh: apt-get lacks some of ${packages[*]}; name another base image with --base" >&2
    exit 1
  }
fi
key=$(cat - "${BASH_SOURCE[0]}" <<<"$list" | sha256sum | cut -c 1-12)
image=$folder/base-$key.tar
[[ ! -e $image ]] || { echo "$image"; exit; }

work=$(mktemp -d "$folder/making.XXXX")
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir -p "$root" "$work/debs"
chmod 755 "$work"
chmod 777 "$work/debs" # apt downloads as a user of its own, if it can
(cd "$work/debs" && apt-get --quiet=2 download "${packages[@]}" >&2)

# /lib and /lib64 in the packages land in /usr.
mkdir -p "$root"/usr/{lib,lib64,bin,sbin}
for name in lib lib64 bin sbin; do ln -s "usr/$name" "$root/$name"; done
for package in "$work"/debs/*.deb; do dpkg --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C "$root"; done

# As the installation of ca-certificates does.
mkdir -p "$root/etc/ssl/certs"
cat "$root"/usr/share/ca-certificates/mozilla/*.crt >"$root/etc/ssl/certs/ca-certificates.crt"

# Without documents, character sets, duplicates, and programs that only a shell could run.
rm -rf "$root"/usr/share/{doc,man,lintian,locale,bug,ca-certificates} "$root"/usr/lib/*/gconv \
  "$root"/usr/share/zoneinfo/{right,posix} "${root:?}"/usr/{sbin,bin}/* "$root"/etc/ca-certificates

mkdir -p "$root"/{etc,tmp,home/nonroot,var,run}
chmod 1777 "$root/tmp"
chown 65532:65532 "$root/home/nonroot"
printf 'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n' >"$root/etc/passwd"
printf 'root:x:0:\nnonroot:x:65532:\n' >"$root/etc/group"
printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"

printf 'FROM scratch\nCOPY root/ /\nENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt\nUSER 65532:65532\n' >"$work/Dockerfile"
buildah=(buildah --storage-driver vfs --root "$work/store" --runroot "$work/run")
"${buildah[@]}" bud --isolation chroot --timestamp 0 --quiet --tag localhost/base:1 "$work" >&2
"${buildah[@]}" push --quiet localhost/base:1 "oci-archive:$work/base.tar:localhost/base:1" >&2
mv "$work/base.tar" "$image"
find "$folder" -maxdepth 1 -name 'base-*.tar' ! -name "base-$key.tar" -mtime +30 -delete # of older packages
echo "$image"
