/* Prints the index of the server that libmemcached has each line of the standard input on, under
 * MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED. Arguments: HOST PORT HOST PORT ... Needs -lmemcached. */
#include <libmemcached/memcached.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int count, char **words) {
  memcached_st *client = memcached_create(NULL);
  if (memcached_behavior_set(client, MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED, 1) != MEMCACHED_SUCCESS)
    return 1;
  for (int at = 1; at + 1 < count; at += 2)
    if (memcached_server_add(client, words[at], (in_port_t) atoi(words[at + 1])) != MEMCACHED_SUCCESS)
      return 1;
  char key[300];
  while (fgets(key, sizeof key, stdin)) {
    key[strcspn(key, "\n")] = 0;
    printf("%u\n", (unsigned) memcached_generate_hash(client, key, strlen(key)));
  }
  memcached_free(client);
  return 0;
}
