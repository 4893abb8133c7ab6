"""PyKMIP's own server as the peers bench runs it: python3 pykmip-server.py FOLDER PORT.

FOLDER holds cert.pem and key.pem (the server's), ca.pem (of clients); the database and the log go there too.
Logging is as quiet as it gets: what is compared is the server, not its log.
"""
import logging
import os
import sys

from kmip.services.server import KmipServer

folder, port = sys.argv[1], int(sys.argv[2])


def path(name):
    return os.path.join(folder, name)


server = KmipServer(
    hostname='127.0.0.1', port=port, certificate_path=path('cert.pem'), key_path=path('key.pem'), ca_path=path('ca.pem'),
    auth_suite='TLS1.2', config_path=None, log_path=path('server.log'), policy_path=path('policy'), enable_tls_client_auth=True,
    logging_level='CRITICAL', database_path=path('objects.db'))
logging.getLogger('kmip').setLevel(logging.CRITICAL)
server.start()
print('ready', flush=True)
server.serve()
