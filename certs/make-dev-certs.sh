#!/usr/bin/env bash
# A CA and a webhook certificate for development, in certs/dev/ (see README.md beside this file).
#   make-dev-certs.sh [SERVICE [NAMESPACE]]
set -eu
service=${1:-plimsoll}
namespace=${2:-plimsoll-system}
days=30

command -v openssl >/dev/null || {
    echo "there is no openssl command here; 'plimsoll serve --self-signed' makes certificates by itself" >&2
    exit 1
}

umask 077 # keys are for their owner only
out=$(cd "$(dirname "$0")" && pwd)/dev
mkdir -p "$out"
cd "$out"

key() { openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "$1"; }

key ca.key
openssl req -x509 -new -key ca.key -sha256 -days "$days" -out ca.crt -subj "/CN=plimsoll development CA" \
    -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign"

key tls.key
openssl req -new -key tls.key -subj "/CN=$service.$namespace.svc" -out tls.csr
cat >tls.ext <<EXT
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth
subjectAltName=DNS:$service.$namespace.svc,DNS:$service.$namespace.svc.cluster.local,DNS:localhost,IP:127.0.0.1
EXT
openssl x509 -req -in tls.csr -CA ca.crt -CAkey ca.key -CAcreateserial -sha256 -days "$days" -extfile tls.ext \
    -out tls.crt 2>/dev/null
rm -f tls.csr tls.ext ca.srl
openssl verify -CAfile ca.crt tls.crt >/dev/null

cat <<EOT
certs/dev: ca.crt ca.key tls.crt tls.key, for $service.$namespace.svc and localhost, $days days

  plimsoll serve --tls-cert certs/dev/tls.crt --tls-key certs/dev/tls.key
EOT
