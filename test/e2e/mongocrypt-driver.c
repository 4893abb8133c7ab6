/*
 * Drives the KMIP state machine of libmongocrypt, the library under all MongoDB drivers' client-side encryption.
 *
 * It makes a data key (Register, Activate, Get), encrypts a value with it and decrypts it in a fresh instance (Get each
 * time), and prints "done" on success. It opens no socket: each message goes out on standard output as 'M', four bytes of
 * length, bytes; 'R' and four bytes ask for at most so many bytes of the answer, which come on standard input as four
 * bytes of length and the bytes. The test moves them over TLS, a new connection a message, as the drivers do.
 * Argument: host:port.
 */
#include <mongocrypt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fail(const char *where, mongocrypt_status_t *status) {
  uint32_t length = 0;
  const char *message = status == NULL ? "no status" : mongocrypt_status_message(status, &length);
  fprintf(stderr, "%s: %s\n", where, message == NULL ? "" : message);
  exit(1);
}

static void fail_ctx(const char *where, mongocrypt_ctx_t *ctx) {
  mongocrypt_status_t *status = mongocrypt_status_new();
  mongocrypt_ctx_status(ctx, status);
  fail(where, status);
}

static void write_frame(char kind, uint32_t length, const uint8_t *bytes) {
  uint8_t header[5] = {(uint8_t)kind, (uint8_t)(length >> 24), (uint8_t)(length >> 16), (uint8_t)(length >> 8), (uint8_t)length};
  fwrite(header, 1, 5, stdout);
  if (bytes != NULL) fwrite(bytes, 1, length, stdout);
  fflush(stdout);
}

static void read_exactly(uint8_t *target, size_t length) {
  if (fread(target, 1, length, stdin) != length) fail("the answer ended early", NULL);
}

/* Appends one BSON element of type string; documents here are small and built by hand. */
static size_t put_string(uint8_t *at, const char *name, const char *value) {
  size_t name_length = strlen(name) + 1, value_length = strlen(value) + 1;
  at[0] = 0x02;
  memcpy(at + 1, name, name_length);
  uint32_t stored = (uint32_t)value_length;
  memcpy(at + 1 + name_length, &stored, 4);
  memcpy(at + 5 + name_length, value, value_length);
  return 5 + name_length + value_length;
}

static uint32_t close_document(uint8_t *document, size_t length) {
  document[length] = 0;
  uint32_t total = (uint32_t)length + 1;
  memcpy(document, &total, 4);
  return total;
}

static mongocrypt_t *new_crypt(const char *endpoint) {
  mongocrypt_t *crypt = mongocrypt_new();
  uint8_t inner[256] = {0}, providers[512] = {0};
  uint32_t inner_length = close_document(inner, 4 + put_string(inner + 4, "endpoint", endpoint));
  size_t at = 4;
  providers[at] = 0x03;
  memcpy(providers + at + 1, "kmip", 5);
  at += 6;
  memcpy(providers + at, inner, inner_length);
  mongocrypt_binary_t *bin = mongocrypt_binary_new_from_data(providers, close_document(providers, at + inner_length));
  mongocrypt_status_t *status = mongocrypt_status_new();
  if (!mongocrypt_setopt_kms_providers(crypt, bin) || !mongocrypt_init(crypt)) {
    mongocrypt_status(crypt, status);
    fail("set up", status);
  }
  mongocrypt_status_destroy(status);
  mongocrypt_binary_destroy(bin);
  return crypt;
}

static void run_kms(mongocrypt_ctx_t *ctx) {
  mongocrypt_kms_ctx_t *kms;
  while ((kms = mongocrypt_ctx_next_kms_ctx(ctx)) != NULL) {
    mongocrypt_binary_t *message = mongocrypt_binary_new();
    if (!mongocrypt_kms_ctx_message(kms, message)) fail("message", NULL);
    write_frame('M', mongocrypt_binary_len(message), mongocrypt_binary_data(message));
    mongocrypt_binary_destroy(message);
    uint32_t needed;
    while ((needed = mongocrypt_kms_ctx_bytes_needed(kms)) > 0) {
      uint8_t length_bytes[4];
      write_frame('R', needed, NULL);
      read_exactly(length_bytes, 4);
      uint32_t length = (uint32_t)length_bytes[0] << 24 | (uint32_t)length_bytes[1] << 16 | (uint32_t)length_bytes[2] << 8 | length_bytes[3];
      if (length == 0 || length > needed) fail("answer length", NULL);
      uint8_t *bytes = malloc(length);
      read_exactly(bytes, length);
      mongocrypt_binary_t *fed = mongocrypt_binary_new_from_data(bytes, length);
      if (!mongocrypt_kms_ctx_feed(kms, fed)) {
        mongocrypt_status_t *status = mongocrypt_status_new();
        mongocrypt_kms_ctx_status(kms, status);
        fail("the answer was refused", status);
      }
      mongocrypt_binary_destroy(fed);
      free(bytes);
    }
  }
  if (!mongocrypt_ctx_kms_done(ctx)) fail_ctx("kms done", ctx);
}

/* Runs a context to its end; gives it the key document where it asks for keys. */
static uint32_t run(mongocrypt_ctx_t *ctx, const uint8_t *key, uint32_t key_length, uint8_t *target, uint32_t room) {
  for (;;) {
    switch (mongocrypt_ctx_state(ctx)) {
    case MONGOCRYPT_CTX_NEED_MONGO_KEYS: {
      mongocrypt_binary_t *document = mongocrypt_binary_new_from_data((uint8_t *)key, key_length);
      if (!mongocrypt_ctx_mongo_feed(ctx, document) || !mongocrypt_ctx_mongo_done(ctx)) fail_ctx("key document", ctx);
      mongocrypt_binary_destroy(document);
      break;
    }
    case MONGOCRYPT_CTX_NEED_KMS:
      run_kms(ctx);
      break;
    case MONGOCRYPT_CTX_READY: {
      mongocrypt_binary_t *result = mongocrypt_binary_new();
      if (!mongocrypt_ctx_finalize(ctx, result)) fail_ctx("finalize", ctx);
      uint32_t length = mongocrypt_binary_len(result);
      if (length > room) fail("result too long", NULL);
      memcpy(target, mongocrypt_binary_data(result), length);
      mongocrypt_binary_destroy(result);
      mongocrypt_ctx_destroy(ctx);
      return length;
    }
    default:
      fail_ctx("unexpected state", ctx);
    }
  }
}

int main(int count, char **arguments) {
  if (count != 2 || strlen(arguments[1]) > 128) return 2;
  static uint8_t key[8192], sealed[8192], opened[8192];
  mongocrypt_t *crypt = new_crypt(arguments[1]);
  uint8_t options[512] = {0};
  size_t at = 4;
  at += put_string(options + at, "provider", "kmip");
  at += put_string(options + at, "endpoint", arguments[1]);
  mongocrypt_binary_t *bin = mongocrypt_binary_new_from_data(options, close_document(options, at));
  mongocrypt_ctx_t *ctx = mongocrypt_ctx_new(crypt);
  if (!mongocrypt_ctx_setopt_key_encryption_key(ctx, bin) || !mongocrypt_ctx_datakey_init(ctx)) fail_ctx("data key", ctx);
  uint32_t key_length = run(ctx, NULL, 0, key, sizeof key);
  mongocrypt_binary_destroy(bin);

  /* The identifier of the data key: element "_id", binary of subtype 4, 16 bytes. */
  static const uint8_t mark[] = {0x05, '_', 'i', 'd', 0, 16, 0, 0, 0, 4};
  uint8_t *identifier = memmem(key, key_length, mark, sizeof mark);
  if (identifier == NULL) fail("key identifier", NULL);
  mongocrypt_binary_t *key_id = mongocrypt_binary_new_from_data(identifier + sizeof mark, 16);

  uint8_t value[64] = {0};
  uint32_t value_length = close_document(value, 4 + put_string(value + 4, "v", "a secret value"));
  mongocrypt_t *fresh = new_crypt(arguments[1]);
  ctx = mongocrypt_ctx_new(fresh);
  bin = mongocrypt_binary_new_from_data(value, value_length);
  if (!mongocrypt_ctx_setopt_key_id(ctx, key_id) || !mongocrypt_ctx_setopt_algorithm(ctx, "AEAD_AES_256_CBC_HMAC_SHA_512-Random", -1) || !mongocrypt_ctx_explicit_encrypt_init(ctx, bin)) fail_ctx("encrypt", ctx);
  uint32_t sealed_length = run(ctx, key, key_length, sealed, sizeof sealed);
  mongocrypt_binary_destroy(bin);
  if (memmem(sealed, sealed_length, "a secret value", 14) != NULL) fail("not encrypted", NULL);

  mongocrypt_t *fresher = new_crypt(arguments[1]);
  ctx = mongocrypt_ctx_new(fresher);
  bin = mongocrypt_binary_new_from_data(sealed, sealed_length);
  if (!mongocrypt_ctx_explicit_decrypt_init(ctx, bin)) fail_ctx("decrypt", ctx);
  uint32_t opened_length = run(ctx, key, key_length, opened, sizeof opened);
  mongocrypt_binary_destroy(bin);
  if (opened_length != value_length || memcmp(opened, value, value_length) != 0) fail("the value changed", NULL);
  write_frame('D', 0, NULL);
  mongocrypt_binary_destroy(key_id);
  mongocrypt_destroy(crypt);
  mongocrypt_destroy(fresh);
  mongocrypt_destroy(fresher);
  return 0;
}
