# {{route}}
def process(request, response):
    # What stands in the path is in request['params']. Deleting what is gone already should be no error.
    print('delete', request['params'])
    response['statusCode'] = 204
    return response
